# The runtime is Debian 12, so the builder must be too: a binary needs the C library it was linked with.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src

# The dependencies, in a layer that only a change of the manifests or of the lock file renews.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo/
COPY domain/Cargo.toml domain/
COPY application/Cargo.toml application/
COPY infrastructure/Cargo.toml infrastructure/
COPY bin/Cargo.toml bin/
COPY tests/Cargo.toml tests/
COPY bench/Cargo.toml bench/
RUN for crate in domain application infrastructure tests; do \
      mkdir -p "$crate/src" && touch "$crate/src/lib.rs" || exit 1; \
    done \
    && for crate in bin bench; do \
      mkdir -p "$crate/src" && echo 'fn main() {}' > "$crate/src/main.rs" || exit 1; \
    done \
    && cargo build --release --locked --package posthaste

COPY . .
# Cargo goes by the time of the last change, and what was just copied is older than what was just built.
RUN find domain application infrastructure bin -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --package posthaste

FROM debian:12-slim
# Whom to trust when webhooks are sent.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/posthaste --create-home \
      --shell /usr/sbin/nologin posthaste
COPY --from=build /src/target/release/posthaste /usr/local/bin/posthaste

USER 10001:10001
WORKDIR /var/lib/posthaste
# Inside a container the loopback interface reaches nobody.
ENV POSTHASTE_SERVER__LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 \
  CMD ["posthaste", "healthcheck"]
ENTRYPOINT ["posthaste"]
CMD ["serve"]
