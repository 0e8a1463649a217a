-- Generated from store/index/tables.py by `python -m store.index.schema`. Do not edit.

CREATE TABLE meta (
  name VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE contexts (
  id INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name)
);

CREATE TABLE positions (
  id VARCHAR NOT NULL,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  hash VARCHAR NOT NULL,
  seq INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE transactions (
  seq INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  at VARCHAR NOT NULL,
  who VARCHAR NOT NULL,
  command VARCHAR NOT NULL,
  label VARCHAR NOT NULL,
  session VARCHAR NOT NULL,
  count INTEGER NOT NULL,
  undoes VARCHAR,
  redoes VARCHAR,
  grp VARCHAR,
  PRIMARY KEY (seq)
);

CREATE INDEX transactions_place ON transactions (ctx, generation, start);

CREATE INDEX transactions_redoes ON transactions (ctx, redoes) WHERE redoes IS NOT NULL;

CREATE INDEX transactions_session ON transactions (session);

CREATE INDEX transactions_undoes ON transactions (ctx, undoes) WHERE undoes IS NOT NULL;

CREATE INDEX transactions_who ON transactions (who);

CREATE TABLE versions (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  "key" VARCHAR NOT NULL,
  ver INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (seq, n)
)
 WITHOUT ROWID;

CREATE INDEX versions_key ON versions (ctx, "key", ver);

CREATE TABLE records (
  id INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  "key" VARCHAR NOT NULL,
  ver INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  kind VARCHAR NOT NULL,
  role INTEGER NOT NULL,
  loose INTEGER NOT NULL,
  entity_type VARCHAR,
  name VARCHAR,
  chart_id VARCHAR,
  text VARCHAR,
  last_text VARCHAR,
  notes INTEGER NOT NULL,
  due VARCHAR,
  done INTEGER NOT NULL,
  level INTEGER,
  parent_chart VARCHAR,
  parent_step VARCHAR,
  source_step VARCHAR,
  child_chart VARCHAR,
  step_order FLOAT,
  phase VARCHAR,
  created VARCHAR,
  updated VARCHAR,
  changed_at VARCHAR NOT NULL,
  PRIMARY KEY (id)
);

CREATE INDEX records_chart ON records (ctx, chart_id, role, ord) WHERE chart_id IS NOT NULL;

CREATE UNIQUE INDEX records_key ON records (ctx, "key");

CREATE INDEX records_loose ON records (ctx, name) WHERE loose = 1;

CREATE TABLE observations (
  id INTEGER NOT NULL,
  text VARCHAR NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE relations (
  id INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  from_name VARCHAR NOT NULL,
  type VARCHAR NOT NULL,
  to_name VARCHAR NOT NULL,
  PRIMARY KEY (id)
);

CREATE INDEX relations_from ON relations (ctx, from_name);

CREATE INDEX relations_to ON relations (ctx, to_name);

CREATE TABLE charts (
  id INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  chart_id VARCHAR NOT NULL,
  ord INTEGER NOT NULL,
  title VARCHAR NOT NULL,
  due VARCHAR,
  done INTEGER NOT NULL,
  level INTEGER NOT NULL,
  parent_given VARCHAR,
  parent_step VARCHAR,
  source_step VARCHAR,
  phase VARCHAR,
  created VARCHAR,
  updated VARCHAR,
  parent VARCHAR,
  via VARCHAR,
  looped INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  total INTEGER NOT NULL,
  PRIMARY KEY (id)
);

CREATE INDEX charts_due ON charts (due, ctx, ord, done) WHERE parent IS NULL;

CREATE INDEX charts_given ON charts (ctx, parent_given) WHERE parent_given IS NOT NULL;

CREATE UNIQUE INDEX charts_id ON charts (ctx, chart_id);

CREATE INDEX charts_looped ON charts (ctx) WHERE looped = 1;

CREATE INDEX charts_parent ON charts (ctx, parent, via, ord, done) WHERE parent IS NOT NULL;

CREATE INDEX charts_parent_step ON charts (ctx, parent_step) WHERE parent_step IS NOT NULL;

CREATE INDEX charts_roots ON charts (ctx, ord, done) WHERE parent IS NULL;

CREATE INDEX charts_source_step ON charts (ctx, source_step) WHERE source_step IS NOT NULL;

CREATE INDEX charts_state ON charts (ctx, done, due, updated);

CREATE INDEX charts_updated ON charts (updated, ctx, ord, done) WHERE parent IS NULL;

CREATE TABLE steps (
  id INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  chart_id VARCHAR NOT NULL,
  name VARCHAR NOT NULL,
  number FLOAT,
  ord INTEGER NOT NULL,
  title VARCHAR NOT NULL,
  due VARCHAR,
  done INTEGER NOT NULL,
  notes INTEGER NOT NULL,
  child_given VARCHAR,
  child VARCHAR,
  updated VARCHAR,
  PRIMARY KEY (id)
);

CREATE INDEX steps_chart ON steps (ctx, chart_id);

CREATE INDEX steps_child ON steps (ctx, child_given) WHERE child_given IS NOT NULL;

CREATE INDEX steps_name ON steps (ctx, name);

CREATE TABLE conflicts (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  id VARCHAR NOT NULL,
  "key" VARCHAR NOT NULL,
  path VARCHAR NOT NULL,
  ours VARCHAR,
  theirs VARCHAR,
  base VARCHAR,
  ver INTEGER NOT NULL,
  at VARCHAR NOT NULL,
  who VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  now VARCHAR,
  settled_as VARCHAR,
  settled_by VARCHAR,
  last VARCHAR,
  PRIMARY KEY (seq, n)
)
 WITHOUT ROWID;

CREATE INDEX conflicts_key ON conflicts (ctx, "key");

CREATE INDEX conflicts_open ON conflicts (ctx) WHERE state = 'open';
