-- Generated from store/index/knowledge/tables.py by `python -m store.index.schema`. Do not edit.

CREATE TABLE meta (
  name VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE contexts (
  id INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  keyed INTEGER,
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

CREATE TABLE names (
  id INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name)
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
  workflow VARCHAR,
  PRIMARY KEY (seq)
);

CREATE INDEX transactions_workflow ON transactions (workflow) WHERE workflow IS NOT NULL;

CREATE TABLE items (
  seq INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  id VARCHAR NOT NULL,
  hash INTEGER NOT NULL,
  ver INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  first INTEGER,
  prev INTEGER,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  source INTEGER,
  target INTEGER,
  quality FLOAT,
  created INTEGER NOT NULL,
  name VARCHAR,
  title VARCHAR,
  tags VARCHAR,
  PRIMARY KEY (seq)
);

CREATE INDEX items_created ON items (created);

CREATE TABLE versions (
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  id VARCHAR NOT NULL,
  prev INTEGER,
  ver INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (seq)
);

CREATE TABLE facets (
  ctx INTEGER NOT NULL,
  what INTEGER NOT NULL,
  id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  live INTEGER NOT NULL,
  PRIMARY KEY (ctx, what, id, kind)
)
 WITHOUT ROWID;

CREATE TABLE keys (
  hash INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (hash, seq)
)
 WITHOUT ROWID;

CREATE TABLE workflows (
  seq INTEGER NOT NULL,
  ctx INTEGER NOT NULL,
  state VARCHAR NOT NULL,
  PRIMARY KEY (seq)
);

CREATE INDEX workflows_open ON workflows (ctx) WHERE state IN ('pending', 'processing');
