/** Raised whenever the tables or what stands in them change: an index of another version is thrown away and built again. */
export const SEARCH_VERSION = 1;

const FULL_TEXT = `content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 0"`;

/**
 * The tables of the search index.
 *
 * - `packages`: a row for each package that has a document. `summary` is null when it has no version. `generation`: the build that
 *   saw it last, so that a build removes what it did not see.
 * - `in_names`, `in_keywords`, `in_texts`: the full text, without the text itself. Three tables, so that a word that is in every
 *   description costs nothing while names are looked for. `prefix`: the first letter of a name finds it fast.
 * - `marks`: what is compared as it is: scopes, people, keywords; owners and stars in their own capitals.
 */
export const SEARCH_SCHEMA = `
  CREATE TABLE packages (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, generation INTEGER NOT NULL,
    stable INTEGER NOT NULL, name_words TEXT, base_words TEXT, maintainers TEXT, summary TEXT
  );
  CREATE INDEX packages_name_words ON packages (name_words) WHERE name_words IS NOT NULL;
  CREATE INDEX packages_base_words ON packages (base_words) WHERE base_words IS NOT NULL;
  CREATE VIRTUAL TABLE in_names USING fts5(name, prefix='1 2', ${FULL_TEXT});
  CREATE VIRTUAL TABLE in_keywords USING fts5(name, keywords, ${FULL_TEXT});
  CREATE VIRTUAL TABLE in_texts USING fts5(name, keywords, description, ${FULL_TEXT});
  CREATE TABLE marks (kind TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (kind, value, id)) WITHOUT ROWID;
  CREATE INDEX marks_id ON marks (id);
  CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), up_to TEXT, complete INTEGER NOT NULL, generation INTEGER NOT NULL);
  INSERT INTO state VALUES (1, NULL, 0, 0);
  PRAGMA user_version = ${SEARCH_VERSION};
`;
