"""A Telegram of our own: channels, the Bot API with webhooks and files, and the public pages t.me/s/CHANNEL."""
