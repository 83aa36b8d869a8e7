import {
  checkRetentionFields,
  checkUserFields,
  type Checked,
  type RetentionChoice,
  type UserFields,
} from '#domain/attributes/user-fields.ts';
import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import { DomainError, isDomainError, type Fault } from '#domain/errors.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonValue } from '#domain/json.ts';
import { isJsonObject, parseStrictJson } from '#domain/strict-json.ts';
import { parseTemplateReference, type TemplateReference } from '#domain/templates/template-name.ts';

export const uploadFieldNames = [
  'description',
  'version',
  'tags',
  'metadata',
  'custom_attributes',
  'retention_policy',
  'ttl_days',
  'retain_until',
  'compress',
  'template',
] as const;
type FieldName = (typeof uploadFieldNames)[number];

/** Fields that are known and belong to features to come. */
const compressions = ['none', 'gzip', 'br', 'zstd', 'auto'];

export interface CheckedFields {
  readonly user: UserFields;
  /** As it was sent: without a version it means the newest. */
  readonly template: TemplateReference | null;
  readonly retention: RetentionChoice;
}

export interface FieldsSoFar extends Omit<CheckedFields, 'retention'> {
  /** What they are now they stay: a field comes once. */
  readonly hasCustomAttributes: boolean;
}

export interface UploadFields {
  /** A field as text: a part of a form, or a query parameter. @throws REQUEST_MALFORMED */
  addText(name: string, text: string): void;
  /** The JSON part `attributes`. @throws REQUEST_MALFORMED */
  addDocument(text: string): void;
  /** Null while nobody has named one: more fields may follow. */
  readonly sentPolicy: RetentionPolicy | null;
  /** What can be said before all fields are there. @throws REQUEST_INVALID, FEATURE_NOT_AVAILABLE */
  checkSoFar(): FieldsSoFar;
  /** @throws REQUEST_INVALID with every fault, FEATURE_NOT_AVAILABLE */
  check(now: Instant): CheckedFields;
}

export function createUploadFields(): UploadFields {
  const sent = new Map<FieldName, JsonValue>();
  const repeatedTags: string[] = [];
  const faults: Fault[] = [];

  function add(name: string, value: JsonValue): void {
    if (!isFieldName(name))
      faults.push({ pointer: `/${name}`, message: 'is not a field of uploads' });
    else if (sent.has(name)) faults.push({ pointer: `/${name}`, message: 'was sent twice' });
    else sent.set(name, value);
  }

  function fields(): Partial<Record<FieldName, JsonValue>> {
    return Object.fromEntries(sent);
  }

  function checkSoFar(): FieldsSoFar {
    const user = checkUserFields(fields());
    const template = checkTemplate(fields());
    refuse([...faults, ...faultsOf(user), ...faultsOf(template)], featureFaults(fields()));
    const hasCustomAttributes = sent.has('custom_attributes');
    return { user: valueOf(user), template: valueOf(template), hasCustomAttributes };
  }

  return {
    addText(name, text) {
      if (name !== 'tags' || text.trimStart().startsWith('[')) {
        add(name, valueOfText(name, text));
        return;
      }
      if (repeatedTags.length === 0) add(name, repeatedTags);
      repeatedTags.push(text);
    },
    addDocument(text) {
      const document = parseJsonField('attributes', text);
      if (!isJsonObject(document)) {
        faults.push({ pointer: '/attributes', message: 'must be an object' });
        return;
      }
      for (const [name, value] of Object.entries(document)) {
        if (value !== undefined) add(name, value);
      }
    },
    get sentPolicy() {
      const policy = sent.get('retention_policy');
      return policy === 'temporary' || policy === 'permanent' ? policy : null;
    },
    checkSoFar,
    check(now) {
      const user = checkUserFields(fields());
      const template = checkTemplate(fields());
      const retention = checkRetentionFields(fields(), now);
      const all = [user, template, retention].flatMap(faultsOf);
      refuse([...faults, ...all], featureFaults(fields()));
      return { user: valueOf(user), template: valueOf(template), retention: valueOf(retention) };
    },
  };
}

function isFieldName(name: string): name is FieldName {
  return (uploadFieldNames as readonly string[]).includes(name);
}

/** JSON where the field is JSON; whatever is not what it should be keeps its text and is a fault later. */
function valueOfText(name: string, text: string): JsonValue {
  switch (name) {
    case 'tags':
    case 'metadata':
    case 'custom_attributes':
      return parseJsonField(name, text);
    case 'ttl_days':
      return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

function parseJsonField(name: string, text: string): JsonValue {
  try {
    return parseStrictJson(text);
  } catch (cause) {
    if (!isDomainError(cause, 'ATTRIBUTES_MALFORMED')) throw cause;
    throw new DomainError('REQUEST_MALFORMED', `The field ${name} is not well-formed JSON.`, {
      details: { faults: [{ pointer: `/${name}`, message: cause.message }] },
      cause,
    });
  }
}

function checkTemplate({
  template = null,
}: Partial<Record<FieldName, JsonValue>>): Checked<TemplateReference | null> {
  if (template === null) return { ok: true, value: null };
  const value = typeof template === 'string' ? parseTemplateReference(template) : null;
  if (value !== null) return { ok: true, value };
  const message = 'must be the name of a template, or name@version';
  return { ok: false, faults: [{ pointer: '/template', message }] };
}

function featureFaults(fields: Partial<Record<FieldName, JsonValue>>): Fault[] {
  const faults: Fault[] = [];
  const { compress } = fields;
  if ((compress ?? 'none') === 'none') return faults;
  const isKnown = typeof compress === 'string' && compressions.includes(compress);
  const message = isKnown
    ? 'compression is not available yet; only "none" is'
    : `must be one of ${compressions.join(', ')}`;
  faults.push({ pointer: '/compress', message });
  return faults;
}

function refuse(faults: readonly Fault[], features: readonly Fault[]): void {
  if (faults.length > 0) {
    throw new DomainError('REQUEST_INVALID', 'The fields are not valid; see the list of faults.', {
      details: { faults: [...faults, ...features] },
    });
  }
  if (features.length > 0) {
    throw new DomainError('FEATURE_NOT_AVAILABLE', 'A field asks for what is not available yet.', {
      details: { faults: features },
    });
  }
}

function faultsOf(checked: Checked<unknown>): readonly Fault[] {
  return checked.ok ? [] : checked.faults;
}

function valueOf<Value>(checked: Checked<Value>): Value {
  if (!checked.ok) throw new Error('faults were overlooked');
  return checked.value;
}
