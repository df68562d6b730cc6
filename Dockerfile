# quern as a server. It answers on port 8080, and keeps the models that it downloads in the volume /models.
#   docker build -t quern .
#   docker run -p 8080:8080 quern
#   docker run -p 8080:8080 -v quern-models:/models quern --model Qwen/Qwen3-0.6B

# What it runs on: any system with glibc 2.34 or newer, such as NVIDIA's with CUDA.
ARG BASE=debian:bookworm-slim

FROM node:22-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake ninja-build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund
# With the library for GPUs where `npm run pack` has left it in packages/, on a machine with nvcc.
RUN npm run --silent prebuild && npm run --silent build:lib && node scripts/pack.mjs build
RUN npm install --prefix build/image --omit=dev --no-audit --no-fund "$PWD"/build/quern-*.tgz

FROM ${BASE}
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/build/image /usr/local/lib/quern
RUN ln -s /usr/local/lib/quern/node_modules/.bin/quern /usr/local/bin/quern
RUN groupadd --gid 10001 quern && useradd --uid 10001 --gid 10001 --create-home quern
RUN mkdir /models && chown quern:quern /models
ENV NODE_ENV=production HF_HOME=/models
WORKDIR /home/quern
# A number, so that Kubernetes sees that it is not root.
USER 10001:10001
VOLUME /models
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8080/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["quern", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD []
