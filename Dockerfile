# Three simulated Kafka Connect workers on ports 8083 to 8085:
#   docker build -t mockconnect . && docker run --rm -p 8083-8085:8083-8085 mockconnect
# Options are those of `mockconnect serve`, as arguments or as MOCKCONNECT_* variables. Where other containers come in
# by the name of this one, that name should be advertised: -e MOCKCONNECT_ADVERTISED_HOST=connect

ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS build
RUN python -m venv /opt/mockconnect
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mockconnect ./mockconnect
COPY scenarios ./scenarios
RUN /opt/mockconnect/bin/pip install --no-cache-dir --disable-pip-version-check '.[chaos]'

FROM python:${PYTHON_VERSION}-slim
COPY --from=build /opt/mockconnect /opt/mockconnect
ENV PATH=/opt/mockconnect/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MOCKCONNECT_WORKERS=3 \
    MOCKCONNECT_HOST=0.0.0.0 \
    MOCKCONNECT_PORT=8083 \
    MOCKCONNECT_ADVERTISED_HOST=localhost
USER 65532:65532
EXPOSE 8083 8084 8085
HEALTHCHECK --interval=5s --timeout=15s --start-period=10s --retries=3 CMD ["mockconnect", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["mockconnect"]
CMD ["serve"]
