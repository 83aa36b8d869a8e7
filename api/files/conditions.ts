import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '#domain/errors.ts';

/** What a representation is known by. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Whole seconds, in milliseconds; null when there is no date. */
  readonly lastModifiedMs: number | null;
}

/**
 * Evaluates preconditions in the order of RFC 9110, section 13.2.2.
 * @returns true when the answer is 304.
 * @throws PRECONDITION_FAILED
 */
export function isNotModified(headers: IncomingHttpHeaders, validators: Validators): boolean {
  requirePreconditions(headers, validators);
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) return matchesWeakly(ifNoneMatch, validators.etag);
  const since = parseDate(headers['if-modified-since']);
  return since !== null && validators.lastModifiedMs !== null && validators.lastModifiedMs <= since;
}

/** `If-Match` where a change may be sent without one. @throws PRECONDITION_FAILED */
export function requireMatch(ifMatch: string | undefined, etag: string): void {
  if (ifMatch !== undefined && !matchesStrongly(ifMatch, etag)) throw failed('If-Match');
}

function requirePreconditions(headers: IncomingHttpHeaders, validators: Validators): void {
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) return requireMatch(ifMatch, validators.etag);
  const since = parseDate(headers['if-unmodified-since']);
  if (since === null || validators.lastModifiedMs === null) return;
  if (validators.lastModifiedMs > since) throw failed('If-Unmodified-Since');
}

/** Section 13.1.5: only an exact match of a strong validator keeps the Range header. */
export function permitsRange(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  const condition = ifRange.trim();
  if (condition.startsWith('"')) return condition === validators.etag;
  const date = parseDate(condition);
  return date !== null && date === validators.lastModifiedMs;
}

function matchesStrongly(list: string, etag: string): boolean {
  return list.trim() === '*' || tagsOf(list).includes(etag);
}

function matchesWeakly(list: string, etag: string): boolean {
  return list.trim() === '*' || tagsOf(list).some((tag) => tag.replace(/^W\//, '') === etag);
}

function tagsOf(list: string): readonly string[] {
  // Whatever else stands directly before a quote makes it something that is no tag of ours.
  return list.match(/(?<![^\s,])(?:W\/)?"[^"]*"/g) ?? [];
}

function parseDate(header: string | undefined): number | null {
  if (header === undefined) return null;
  const ms = Date.parse(header);
  return Number.isNaN(ms) ? null : ms;
}

function failed(header: string): DomainError {
  return new DomainError('PRECONDITION_FAILED', `${header} does not hold for the present state.`);
}
