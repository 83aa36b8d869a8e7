import type { AccountId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import type { TemplateReference } from '#domain/templates/template-name.ts';

/** One version of a template, without its schema. */
export interface TemplateVersion {
  readonly name: string;
  /** Of one name without a gap, from 1. */
  readonly version: number;
  /** SHA-256 of the schema's canonical form, lower-case hex. */
  readonly digest: string;
  readonly createdBy: AccountId;
  readonly createdAt: Instant;
}

export interface Template extends TemplateVersion {
  readonly schema: JsonObject;
}

export interface NewTemplate {
  readonly name: string;
  readonly schema: JsonObject;
  readonly digest: string;
  readonly createdBy: AccountId;
}

/**
 * Schemas for `custom_attributes`. What is registered never changes and is never removed. Every
 * method throws `CATALOGUE_UNAVAILABLE` when the database does not answer.
 */
export interface TemplateRegistry {
  /**
   * Makes the next version, unless the newest has the same digest: then that one is the answer.
   * Durable when it resolves; safe to repeat; of several at once each gets a version of its own,
   * or the one that says the same.
   */
  addTemplate(
    template: NewTemplate,
  ): Promise<{ readonly template: TemplateVersion; readonly isNew: boolean }>;
  /** Without a version: the newest. */
  findTemplate(reference: TemplateReference): Promise<Template | null>;
  /** The same without the schema. */
  findVersion(reference: TemplateReference): Promise<TemplateVersion | null>;
  /** The newest version of each name, in byte order of the names after `after`. */
  listNewest(page: {
    readonly limit: number;
    readonly after: string | null;
  }): Promise<readonly TemplateVersion[]>;
  /** Of one name, the newest first, below `before`. */
  listVersions(
    name: string,
    page: { readonly limit: number; readonly before: number | null },
  ): Promise<readonly TemplateVersion[]>;
}
