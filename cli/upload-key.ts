import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { UploadForm } from './upload-form.ts';

/**
 * The Idempotency-Key of an upload: the same command again gets the first answer and stores nothing
 * twice. It is made of the absolute path, the name, the type, the content's digest and all fields;
 * whatever is changed makes another file. A copy in another directory is another file too.
 */
export function uploadKey({ filename, contentType, content, fields }: UploadForm): string {
  const identity = [
    resolve(content.path),
    filename,
    contentType,
    Buffer.from(content.sha256).toString('hex'),
    fields,
  ];
  const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return `artstore-cli-1-${digest}`;
}
