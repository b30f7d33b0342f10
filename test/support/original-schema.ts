/** The tables, the writer and the readers of an existing InsightHub installation, as they are in the field. */

export const ORIGINAL_SCHEMA = `
  CREATE TABLE logs (
    log_id BIGSERIAL,
    service TEXT NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    latency_ms INTEGER,
    anomaly_score FLOAT DEFAULT 0,
    is_anomaly BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (log_id, created_at)
  );
  CREATE INDEX idx_logs_service ON logs(service);
  CREATE INDEX idx_logs_level ON logs(level);
  CREATE INDEX idx_logs_created_at ON logs(created_at DESC);
  CREATE INDEX idx_logs_is_anomaly ON logs(is_anomaly) WHERE is_anomaly = TRUE;
  CREATE TABLE log_aggregates (
    id BIGSERIAL,
    service TEXT,
    minute_bucket TIMESTAMPTZ,
    total_logs INT,
    error_count INT,
    avg_latency FLOAT,
    anomaly_count INT,
    PRIMARY KEY (id, minute_bucket)
  );`

export const ORIGINAL_INSERT = `
  INSERT INTO logs (service, level, message, latency_ms, anomaly_score, is_anomaly, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  RETURNING log_id`

/** 1,000 logs over the last 20 hours, 50 of them within the last hour. */
export const ORIGINAL_ROWS = `
  INSERT INTO logs (service, level, message, latency_ms, anomaly_score, is_anomaly, created_at)
  SELECT 'service-' || i % 5, (ARRAY['INFO','WARN','ERROR','DEBUG'])[1 + i % 4], 'message ' || i,
         CASE WHEN i % 7 = 0 THEN NULL ELSE i % 300 END, (i % 100) / 100.0, i % 50 = 0, NOW() - i * INTERVAL '72 seconds'
    FROM generate_series(1, 1000) AS i`

export const ORIGINAL_READERS: Readonly<Record<string, string>> = {
  newest: `SELECT * FROM logs WHERE service = 'service-2' AND level = 'ERROR' ORDER BY created_at DESC LIMIT 20`,
  'counts of the last hour': `
    SELECT COUNT(*) AS total, COUNT(*) FILTER (WHERE level = 'ERROR') AS errors, COUNT(*) FILTER (WHERE is_anomaly) AS anomalies
      FROM logs WHERE created_at > NOW() - INTERVAL '1 hour'`,
  'errors per hour': `
    SELECT date_trunc('hour', created_at) AS hour, COUNT(*) AS errors
      FROM logs WHERE level = 'ERROR' AND created_at > NOW() - INTERVAL '24 hours' GROUP BY 1 ORDER BY 1`,
  'average latency per service': `
    SELECT service, AVG(latency_ms) AS avg_latency
      FROM logs WHERE created_at > NOW() - INTERVAL '1 hour' GROUP BY service ORDER BY service`,
}
