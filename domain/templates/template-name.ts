import { limits } from '#domain/limits.ts';

/** What a caller names: a template in one version, or (null) in the newest. */
export interface TemplateReference {
  readonly name: string;
  readonly version: number | null;
}

/** `name@version`: one schema that never changes, as sidecars carry it. */
declare const brand: unique symbol;
export type TemplateId = string & { readonly [brand]: 'TemplateId' };

const namePattern = new RegExp(`^[a-z0-9][a-z0-9._-]{0,${limits.templateNameChars - 1}}$`);
const versionPattern = /^[1-9]\d{0,8}$/;

export const templateNameRule = `1–${limits.templateNameChars} of a–z, 0–9, ".", "_", "-", the first a letter or a digit`;

export function isTemplateName(text: string): boolean {
  return namePattern.test(text);
}

/** @returns null for text that names no version. */
export function parseTemplateVersion(text: string): number | null {
  return versionPattern.test(text) ? Number(text) : null;
}

/** Reads `name` and `name@version`; null for everything else. */
export function parseTemplateReference(text: string): TemplateReference | null {
  const at = text.indexOf('@');
  const name = at === -1 ? text : text.slice(0, at);
  if (!isTemplateName(name)) return null;
  if (at === -1) return { name, version: null };
  const version = parseTemplateVersion(text.slice(at + 1));
  return version === null ? null : { name, version };
}

/** The text that the reference was read from. */
export function formatTemplateReference({ name, version }: TemplateReference): string {
  return version === null ? name : `${name}@${version}`;
}

export function templateIdOf(template: {
  readonly name: string;
  readonly version: number;
}): TemplateId {
  return formatTemplateReference(template) as TemplateId;
}
