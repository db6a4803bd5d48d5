# One image, three commands: `node dist/api/main.js` (the default), `node dist/worker/main.js` and
# `node dist/projector/main.js`. Debian and not Alpine: Temporal's native core is built against glibc.
ARG NODE=node:24.21.0-bookworm-slim

FROM ${NODE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The core comes for every platform; Linux's two stay.
RUN npm ci --ignore-scripts --omit=dev \
  && rm -rf node_modules/@temporalio/core-bridge/releases/*-apple-darwin \
            node_modules/@temporalio/core-bridge/releases/*-windows-msvc

FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# The copied lock file may be younger than the cached layer above, but it is the same: nothing to install again.
RUN touch node_modules/.package-lock.json && npm run build

FROM ${NODE} AS runtime
# A container is reached from outside it only on an address that is not loopback.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
# Batches live for a moment, and many of them: room for what is young saves time that collecting it would take; a bound
# for what is old keeps memory from growing to four times of what is in use.
ENV NODE_OPTIONS="--max-semi-space-size=32 --max-old-space-size=1536"
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=dependencies /app/node_modules node_modules/
COPY --from=build /app/dist dist/
# The user `node`, by its number: Kubernetes' runAsNonRoot cannot judge a name. The files stay root's.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
# For the API. The worker and the projector listen on no port: turn it off there.
HEALTHCHECK --interval=5s --timeout=3s --retries=12 --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/api/main.js"]
