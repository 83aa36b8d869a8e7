import type { ParsedSidecar } from '#domain/attributes/attributes-codec.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import type { ErrorCode } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import type { FileState } from '#domain/ports/file-catalogue.ts';
import type { InspectedContent } from '#domain/ports/object-store.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

/** Something to be reported. */
export interface Finding {
  readonly code: ErrorCode;
  readonly detail: string;
}

export interface JudgedSidecar {
  /** Of a row that is made from it. */
  readonly state: Extract<FileState, 'stored' | 'suspect' | 'missing' | 'archived'>;
  /** What is to be reported although the file is taken. */
  readonly findings: readonly Finding[];
}

/**
 * What a readable sidecar and the content beside it make of a file. Nothing of this keeps a file
 * out of the catalogue: what is known of it stands in the sidecar.
 */
export function judgeSidecar(
  parsed: ParsedSidecar,
  content: InspectedContent,
  mode: StorageMode,
): JudgedSidecar {
  const findings: Finding[] = [];
  if (parsed.sizeBytes > limits.sidecarSizeBytes) {
    findings.push({
      code: 'ATTRIBUTES_TOO_LARGE',
      detail:
        `The sidecar takes ${parsed.sizeBytes} bytes, more than ${limits.sidecarSizeBytes}: ` +
        'it cannot be changed until it fits.',
    });
  }
  const isSuspect = parsed.integrity === 'invalid';
  if (isSuspect) {
    findings.push({
      code: 'INTEGRITY_MISMATCH',
      detail: 'The sidecar does not have the digest that it carries.',
    });
  }
  const sizeBytes = storedSizeBytes(parsed);
  if (content.kind === 'file') {
    if (content.sizeBytes !== sizeBytes) {
      findings.push({
        code: 'SIZE_MISMATCH',
        detail: `The content has ${content.sizeBytes} bytes; by its sidecar it has ${sizeBytes}.`,
      });
      return { state: 'suspect', findings };
    }
    return { state: isSuspect ? 'suspect' : 'stored', findings };
  }
  // Where the content lies on cold media only the sidecars remain.
  if (content.kind === 'absent' && mode === 'ar') {
    return { state: isSuspect ? 'suspect' : 'archived', findings };
  }
  findings.push({
    code: 'CONTENT_MISSING',
    detail:
      content.kind === 'absent'
        ? 'The content does not stand beside its sidecar.'
        : 'What stands in the place of the content is no file.',
  });
  return { state: 'missing', findings };
}

function storedSizeBytes({ attributes }: ParsedSidecar): number {
  return extensionsOf(attributes).stored?.size ?? attributes.file_size;
}
