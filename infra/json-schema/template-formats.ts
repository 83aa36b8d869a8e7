import { isIPv4, isIPv6 } from 'node:net';
import type { TemplateFormat } from '#domain/templates/template-keywords.ts';
import { isUuid } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';

const mailChars = 320;
const hostChars = 253;
const hostLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const mailBox = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}$/i;
const zone = /(?:[Zz]|[+-]\d{2}:\d{2})$/;
const scheme = /^[a-z][a-z0-9+.-]*:/i;

/** Each looks at a text once. Zones are required where RFC 3339 requires them. */
export const formatChecks = {
  'date-time': (text) => /^.{10}[Tt]/.test(text) && zone.test(text) && isInstant(text),
  date: (text) => text.length === 10 && isInstant(`${text}T00:00:00Z`),
  time: (text) => zone.test(text) && isInstant(`2000-01-01T${text}`),
  email: isMailAddress,
  hostname: isHostname,
  ipv4: isIPv4,
  // A zone names an interface of one machine and means nothing to another.
  ipv6: (text) => isIPv6(text) && !text.includes('%'),
  uri: (text) => scheme.test(text) && !/[\s<>"{}|\\^`]/.test(text) && URL.canParse(text),
  uuid: (text) => isUuid(text.toLowerCase()),
} as const satisfies Record<TemplateFormat, (text: string) => boolean>;

function isInstant(text: string): boolean {
  return parseInstant(text) !== null;
}

function isHostname(text: string): boolean {
  return text.length <= hostChars && text.split('.').every((label) => hostLabel.test(label));
}

function isMailAddress(text: string): boolean {
  if (text.length > mailChars) return false;
  const at = text.lastIndexOf('@');
  const box = text.slice(0, Math.max(at, 0));
  const hasDotsInside = !box.startsWith('.') && !box.endsWith('.') && !box.includes('..');
  return mailBox.test(box) && hasDotsInside && isHostname(text.slice(at + 1));
}
