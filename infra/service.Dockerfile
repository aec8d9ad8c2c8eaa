# The image of one service: docker build --build-arg SERVICE=imaging -f infra/service.Dockerfile .
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ARG SERVICE
WORKDIR /build
COPY infra/local/bootstrap.lock ./bootstrap.lock
RUN python3 -m venv /uv && /uv/bin/python -m pip install --no-cache-dir -q --require-hashes -r bootstrap.lock \
 && python3 -m venv --without-pip /app
COPY services/${SERVICE}/requirements.lock ./requirements.lock
RUN /uv/bin/uv pip sync --no-cache -q --python /app/bin/python --require-hashes requirements.lock
COPY pyproject.toml ./pyproject.toml
COPY shared/contracts ./shared/contracts
COPY shared/chassis ./shared/chassis
COPY services/${SERVICE} ./services/${SERVICE}
# the desk's scripts and styles, unless `make bundle` has made them already; Node comes as a wheel and stays behind
RUN if [ -d services/${SERVICE}/web ]; then PYTHONPATH=services/${SERVICE}/src /uv/bin/python -m ${SERVICE}.bundle; fi
RUN /uv/bin/uv pip install --no-cache -q --python /app/bin/python --no-deps ./shared/contracts ./shared/chassis ./services/${SERVICE}

FROM ${PYTHON}
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# No shell, no package tools, nothing with set-uid: Python stays, and the libraries that it loads. `find` removes itself too.
RUN find /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin ! -type d ! -name 'python3*' -delete
USER 10001:10001
ENTRYPOINT ["depesha"]
