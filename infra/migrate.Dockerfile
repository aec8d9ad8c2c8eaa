# The one-shot migration: all services' migrations, none of their dependencies beyond the chassis'.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /build
COPY infra/local/bootstrap.lock ./bootstrap.lock
RUN python3 -m venv /uv && /uv/bin/python -m pip install --no-cache-dir -q --require-hashes -r bootstrap.lock \
 && python3 -m venv --without-pip /app
COPY shared/chassis/requirements.lock ./requirements.lock
RUN /uv/bin/uv pip sync --no-cache -q --python /app/bin/python --require-hashes requirements.lock
COPY pyproject.toml ./pyproject.toml
COPY shared ./shared
COPY services ./services
RUN /uv/bin/uv pip install --no-cache -q --python /app/bin/python --no-deps ./shared/contracts ./shared/chassis \
    ./services/ingestion ./services/imaging ./services/tagging ./services/desk ./services/publication ./services/delivery

FROM ${PYTHON}
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# No shell, no package tools, nothing with set-uid: Python stays, and the libraries that it loads. `find` removes itself too.
RUN find /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin ! -type d ! -name 'python3*' -delete
USER 10001:10001
ENTRYPOINT ["depesha"]
