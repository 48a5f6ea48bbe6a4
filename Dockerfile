# The service in one image, for servers and workers alike: docker build -t omnibrowser-jobs .
# What it consists of is deploy/image/install.sh; compose.yaml runs it. It writes to STATE_DIR and /tmp, and nowhere else.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir "uv>=0.9,<1"
COPY . /source
RUN sh /source/deploy/image/install.sh /source /opt/omnibrowser

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin omnibrowser \
    && install -d -o omnibrowser -g omnibrowser /var/lib/omnibrowser
COPY --from=build /opt/omnibrowser /opt/omnibrowser
WORKDIR /opt/omnibrowser
ENV PATH=/opt/omnibrowser/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SOCKET_HOST=0.0.0.0 \
    SOCKET_PORT=3000 \
    STATE_DIR=/var/lib/omnibrowser
USER 10001:10001
VOLUME /var/lib/omnibrowser
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s CMD ["python", "healthcheck.py"]
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
