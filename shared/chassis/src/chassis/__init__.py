"""What every service stands on: settings, logs, database, ledger, Celery, HTTP, S3. It knows no service and no news."""
