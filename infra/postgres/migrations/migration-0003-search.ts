import { Migration } from '@mikro-orm/migrations';

/**
 * What files are found by. A trigger derives it from the row, in the statement that writes the
 * row: whoever writes a row cannot forget it, and cannot write anything else.
 */
export class Migration0003Search extends Migration {
  override up(): void {
    for (const statement of [...words, ...attributes, ...columns, ...indexes]) {
      this.addSql(statement);
    }
  }
}

const words = [
  `create extension if not exists pg_trgm`,

  // Words as the index and the queries know them: one case, one normal form, no marks between.
  // Longer text than this is not of our writing; its beginning is enough to find it by.
  `create function search_words(source text) returns text
    language sql immutable strict parallel safe
    return translate(lower(regexp_replace(
      normalize(left(source, 50000), nfc) collate "pg_c_utf8", '[^[:alnum:]]+', ' ', 'g')),
      'ё', 'е')`,

  // Codes and numbers with what stands beside them (ДО-15/2024): there the stemmer must not touch
  // a part, nor drop it because it looks like a word without meaning.
  `create function search_codes(source text) returns text
    language sql immutable strict parallel safe
    return regexp_replace(left(source, 50000), '(?:^|[\\s_])[^\\s_\\d]+(?=[\\s_]|$)', ' ', 'g')`,

  `create function weigh_text(source text, weight "char") returns tsvector
    language sql immutable strict parallel safe
    return setweight(to_tsvector('russian', search_words(source)) ||
      case when source ~ '\\d' then to_tsvector('simple', search_words(search_codes(source)))
        else '' end, weight)`,

  // All words of the text; with its codes taken to the letter it weighs more.
  `create function search_query(source text) returns tsquery
    language sql immutable strict parallel safe
    return plainto_tsquery('russian', search_words(source)) ||
      case when source ~ '\\d' then
        plainto_tsquery('simple', search_words(search_codes(source))) && plainto_tsquery('russian',
          search_words(regexp_replace(source, '[^\\s_]*\\d[^\\s_]*', ' ', 'g')))
        else '' end`,
];

const attributes = [
  // Without U+0000 and halves of surrogate pairs, which PostgreSQL does not take.
  `create function readable_json(source json) returns jsonb
    language sql immutable strict parallel safe
    return regexp_replace(source::text,
      '(?<!\\\\)((?:\\\\\\\\)*)\\\\u(?:0000|[dD][89a-fA-F]..)', '\\1\\\\ufffd', 'g')::jsonb`,

  `create function attribute_text(source jsonb) returns text
    language sql immutable strict parallel safe
    return (select string_agg(value #>> '{}', ' ')
      from jsonb_path_query(source, 'strict $.**') value
      where jsonb_typeof(value) in ('string', 'number'))`,

  // Per attribute one term that says it is there; per number and date one for each of eleven widths
  // of interval around it, so that a range is a handful of terms. attribute-terms.ts has the same
  // numbers: 32 bits for kind and name, 4 for the width, 24 for the interval.
  `create function attribute_terms(source jsonb) returns bigint[]
    language plpgsql immutable strict parallel safe as $$
    declare
      terms bigint[] := '{}';
      name text;
      value jsonb;
      kind text;
      number float8;
      code bigint;
      base bigint;
    begin
      for name, value in select * from jsonb_each(source) limit 200 loop
        terms := terms || (('x' || left(md5('k' || name), 8))::bit(32)::bigint << 28);
        kind := null;
        if jsonb_typeof(value) = 'number' then
          if abs(value::numeric) <= 1.7976931348623157e308 then
            kind := 'n';
            number := case when abs(value::numeric) < 1e-300 then 0 else value::float8 end;
          end if;
        elsif jsonb_typeof(value) = 'string' and value #>> '{}'
            ~ '^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])(?:$|[T ])' then
          kind := 'd';
          number := (substr(value #>> '{}', 1, 4)::integer - 1970) * 372
            + substr(value #>> '{}', 6, 2)::integer * 31 + substr(value #>> '{}', 9, 2)::integer;
        end if;
        if kind is not null then
          -- The first 24 bits of the IEEE number, turned so that they ascend with it.
          code := ('x' || left(encode(float8send(number), 'hex'), 6))::bit(24)::bigint;
          code := case when number < 0 then code # 16777215 else code | 8388608 end;
          base := ('x' || left(md5(kind || name), 8))::bit(32)::bigint << 28;
          terms := terms || array[
            base + (2 << 24) + (code >> 20), base + (3 << 24) + (code >> 18),
            base + (4 << 24) + (code >> 16), base + (5 << 24) + (code >> 14),
            base + (6 << 24) + (code >> 12), base + (7 << 24) + (code >> 10),
            base + (8 << 24) + (code >> 8), base + (9 << 24) + (code >> 6),
            base + (10 << 24) + (code >> 4), base + (11 << 24) + (code >> 2),
            base + (12 << 24) + code];
        end if;
      end loop;
      return terms;
    end $$`,
];

const columns = [
  `alter table files
    add column extension text collate "C" not null default '',
    add column custom_attributes jsonb not null default '{}',
    add column attribute_terms bigint[] not null default '{}',
    add column search_vector tsvector not null default ''`,

  // A document that cannot be read must not keep its file out of the catalogue. It is tried as it
  // is, then without what cannot be read; after that the file is found by its other columns.
  `create function derive_search_columns() returns trigger language plpgsql as $$
    declare
      document jsonb;
      custom jsonb;
      metadata jsonb;
      note text;
      values_text text;
    begin
      new.extension := lower(coalesce(
        substring(new.original_filename from '^.+\\.([^.]*)$'), '') collate "pg_c_utf8");
      if length(new.extension) > 16 or octet_length(new.extension) > 32 then
        new.extension := '';
      end if;
      for attempt in 1..2 loop
        custom := '{}';
        values_text := '';
        note := array_to_string(new.tags, ' ');
        new.attribute_terms := '{}';
        begin
          document := case attempt when 1 then new.attributes::jsonb
            else readable_json(new.attributes) end;
          if jsonb_typeof(document -> 'custom_attributes') = 'object' then
            custom := document -> 'custom_attributes';
          end if;
          metadata := document -> 'metadata';
          if custom <> '{}' then
            new.attribute_terms := attribute_terms(custom);
            values_text := attribute_text(custom);
          end if;
          if metadata <> '{}' then
            values_text := concat_ws(' ', values_text, attribute_text(metadata));
          end if;
          note := concat_ws(' ', document ->> 'description', note);
          exit;
        exception when others then
          custom := '{}';
          values_text := '';
          new.attribute_terms := '{}';
        end;
      end loop;
      new.custom_attributes := custom;
      new.search_vector := weigh_text(new.original_filename, 'A');
      if note <> '' then
        new.search_vector := new.search_vector || weigh_text(note, 'B');
      end if;
      if values_text <> '' then
        new.search_vector := new.search_vector || weigh_text(values_text, 'C');
      end if;
      return new;
    end $$`,

  `create trigger files_search before insert or update of original_filename, tags, attributes
    on files for each row execute function derive_search_columns()`,

  `update files set attributes = attributes`,
];

// What waits to be sorted in is read by every search and sorted in by an upload that waits for it:
// a short list keeps both short, and is still cheaper than none.
const pending = `with (gin_pending_list_limit = 256)`;

const indexes = [
  `create index files_by_words on files using gin (search_vector) ${pending}`,
  `create index files_by_name_part on files
    using gin (lower(original_filename collate "pg_c_utf8") gin_trgm_ops) ${pending}`,
  `create index files_by_attribute on files
    using gin (custom_attributes jsonb_path_ops) ${pending}`,
  `create index files_by_attribute_term on files using gin (attribute_terms) ${pending}`,
  `create index files_by_extension on files (extension, created_at, file_id)`,
];
