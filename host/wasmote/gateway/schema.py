"""The tables of the store. A table that is added needs no new version: a file of before gets it."""

VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS boards (
  name TEXT PRIMARY KEY, unique_id BLOB NOT NULL, board TEXT NOT NULL, cpu TEXT NOT NULL,
  firmware TEXT NOT NULL, boot_id BLOB NOT NULL, seen_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS modules (
  digest BLOB PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, sequence INTEGER NOT NULL,
  manifest BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deployments (
  id INTEGER PRIMARY KEY, board TEXT NOT NULL, slot INTEGER NOT NULL,
  digest BLOB NOT NULL REFERENCES modules, at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS streams (
  id INTEGER PRIMARY KEY, board TEXT NOT NULL, slot INTEGER NOT NULL, name TEXT NOT NULL,
  UNIQUE (board, slot, name)
) STRICT;
CREATE TABLE IF NOT EXISTS numberings (
  id INTEGER PRIMARY KEY, stream INTEGER NOT NULL REFERENCES streams, boot_id BLOB NOT NULL,
  next_seq INTEGER, announced INTEGER NOT NULL, lost INTEGER NOT NULL, opened_ms INTEGER NOT NULL,
  stored INTEGER NOT NULL DEFAULT 0, flagged INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS numberings_of_stream ON numberings (stream);
CREATE TABLE IF NOT EXISTS records (
  numbering INTEGER NOT NULL REFERENCES numberings, seq INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  digest BLOB NOT NULL, "values" BLOB NOT NULL, flags INTEGER NOT NULL,
  PRIMARY KEY (numbering, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps (
  numbering INTEGER NOT NULL REFERENCES numberings, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (numbering, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
  numbering INTEGER PRIMARY KEY REFERENCES numberings, board TEXT NOT NULL, slot INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, board TEXT NOT NULL, slot INTEGER NOT NULL,
  kind TEXT NOT NULL, digest BLOB NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS predictions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL,
  numbering INTEGER NOT NULL, seq INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  module BLOB NOT NULL, model BLOB NOT NULL, "values" BLOB NOT NULL, withheld TEXT,
  UNIQUE (pipeline, numbering, seq),
  FOREIGN KEY (numbering, seq) REFERENCES records (numbering, seq)
) STRICT;
CREATE TABLE IF NOT EXISTS cursors (
  pipeline TEXT NOT NULL, numbering INTEGER NOT NULL REFERENCES numberings, next_seq INTEGER NOT NULL,
  PRIMARY KEY (pipeline, numbering)
) STRICT, WITHOUT ROWID;
"""
