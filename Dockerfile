ARG BUILD_IMAGE=debian:bookworm-slim
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY dev ./
COPY scripts/lib scripts/lib
# Node.js is for the console alone.
RUN ./dev install console
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY console console
COPY migrations migrations
COPY docs/openapi.yaml docs/
COPY src src
RUN bash -c '. scripts/lib/common.sh && . scripts/lib/npm.sh && prepare_console \
    && cmake --preset release -DPORTCULLIS_TESTS=OFF \
    && cmake --build build/release --parallel "$(build_jobs)" --target portcullis' && strip build/release/src/portcullis
# The packages that hold the shared libraries of the binary, by whatever names this release of Debian gives them.
RUN ldd build/release/src/portcullis | awk '$3 ~ /^\// { print $3 }' | xargs -n 1 basename | sed 's,^,*/,' \
    | xargs dpkg-query --search | sed 's/:.*//' | sort -u >runtime-packages
# OpenTelemetry's are in the backports of Debian 12.
SHELL ["/bin/bash", "-c"]
RUN : >runtime-sources.list && . scripts/lib/packages.sh \
    && if [[ $(debian_release) == 12 ]] && grep -q opentelemetry runtime-packages; then backports_source >runtime-sources.list; fi

FROM ${RUNTIME_IMAGE}
COPY --from=build /src/runtime-packages /usr/local/share/portcullis/
COPY --from=build /src/runtime-sources.list /etc/apt/sources.list.d/portcullis.list
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends \
       ca-certificates $(cat /usr/local/share/portcullis/runtime-packages) \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && useradd --system --no-create-home --shell /usr/sbin/nologin portcullis
COPY scripts/http-ok /usr/local/bin/http-ok
COPY --from=build /src/build/release/src/portcullis /usr/local/bin/portcullis
USER portcullis
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=2s --timeout=6s --start-period=60s CMD ["http-ok", "8080", "/readyz"]
ENTRYPOINT ["portcullis"]
CMD ["serve"]
