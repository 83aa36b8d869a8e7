import { Type } from 'typebox';
import { limits } from '#domain/limits.ts';
import type { ElementStatus } from '#domain/storage-elements.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

const closed = { additionalProperties: false };
const text = Type.String();
const bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const elementId = Type.String({
  format: 'element-id',
  description: '1 to 63 of a-z, 0-9 and -, with - neither first nor last. Never changes.',
});
const name = Type.String({
  minLength: 1,
  maxLength: limits.elementNameChars,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
});
const mode = Type.Unsafe<StorageMode>({ type: 'string', enum: ['edit', 'rw', 'ro', 'ar'] });
const priority = Type.Integer({
  minimum: 0,
  maximum: limits.elementPriorityMax,
  description: 'Elements of one mode are filled in this order, the lowest first.',
});
const path = Type.String({ description: 'Absolute, normalised, with no link on the way.' });

/** What only later versions can do is no part of it: it is refused before. */
export const registrationSchema = Type.Object(
  {
    element_id: elementId,
    name,
    type: Type.Unsafe<'filesystem'>({ type: 'string', enum: ['filesystem'] }),
    mode,
    priority: Type.Optional(priority),
    capacity_bytes: Type.Optional(bytes),
    location: Type.Object({ path }, closed),
    adopt: Type.Optional(
      Type.Boolean({ description: 'Take over a directory that holds files already.' }),
    ),
  },
  closed,
);

export const elementPatchSchema = Type.Object(
  {
    name: Type.Optional(name),
    priority: Type.Optional(priority),
    capacity_bytes: Type.Optional(bytes),
    status: Type.Optional(
      Type.Unsafe<Extract<ElementStatus, 'online' | 'maintenance'>>({
        type: 'string',
        enum: ['online', 'maintenance'],
      }),
    ),
  },
  closed,
);

export const emptySchema = Type.Object({}, closed);

export const reconciliationSchema = Type.Object(
  {
    apply: Type.Optional(
      Type.Boolean({ description: 'False, which is the default: report and change nothing.' }),
    ),
  },
  closed,
);

export const elementSchema = Type.Object(
  {
    element_id: text,
    name: text,
    type: text,
    mode: text,
    priority: Type.Integer(),
    capacity_bytes: bytes,
    used_bytes: bytes,
    reserved_bytes: Type.Integer({ minimum: 0, description: 'Promised to uploads under way.' }),
    free_bytes: Type.Integer({
      minimum: 0,
      description:
        'What may still be promised: the smaller of what the capacity and the file system leave.',
    }),
    capacity_state: Type.String({ description: 'normal, warning, critical or full.' }),
    status: text,
    location: Type.Object({ path: text }),
    links: Type.Record(Type.String(), Type.String()),
  },
  { title: 'StorageElement' },
);

export const elementListSchema = Type.Object(
  { items: Type.Array(elementSchema), next_cursor: Type.Null() },
  { title: 'StorageElementList' },
);

export const elementParams = Type.Object({ element_id: Type.String({ format: 'element-id' }) });

/** Of every route that reads a body of JSON. */
export const bodyErrors = [
  'REQUEST_MALFORMED',
  'BODY_INCOMPLETE',
  'REQUEST_INVALID',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'SENDER_TOO_SLOW',
] as const;
