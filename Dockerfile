# The image of the service. It expects DATABASE_URL; docker-compose.yml runs it beside a TimescaleDB.

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
# The optional dependencies are the binaries of the embedded PostgreSQL: in a container the database is another container.
RUN npm ci --ignore-scripts --omit=dev --omit=optional && npm cache clean --force
COPY migrations ./migrations
COPY --from=build /app/dist ./dist

# DATA_DIR is only looked at when DATABASE_URL is missing, and has to be writable for the error to say so.
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/tmp/fulltape
USER node
EXPOSE 3000
# Unhealthy as long as the database or the exchange is away, as /health is.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 CMD ["node", "dist/main.js", "health"]
CMD ["node", "dist/main.js"]
