# Two steps: types away and production dependencies in, then only what runs. Debian slim because Node's own images are.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npx tsc -p tsconfig.build.json \
 && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="insighthub-processor" org.opencontainers.image.licenses="Apache-2.0"
# In a container the port has to be reachable from outside the network namespace; publish it only where it is wanted.
# malloc: as src/workers/worker-env.ts says.
ENV NODE_ENV=production HTTP_HOST=0.0.0.0 MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=8388608
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY bin ./bin
COPY migrations ./migrations
# A volume that is mounted here belongs to whom the folder belongs to.
RUN install -d -o 65532 -g 65532 /var/lib/insighthub
USER 65532:65532
EXPOSE 9464 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.HTTP_PORT||9464)+'/livez').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# Node is PID 1 and handles SIGTERM itself.
ENTRYPOINT ["node", "--max-semi-space-size=8", "dist/main.js"]
CMD ["process"]
