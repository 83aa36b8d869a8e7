import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-file.ts';
import type { ReadyDocument } from './ready-file.ts';

const sampleName = 'Договор поставки №127.pdf';

/** What to do next, with commands that can be pasted as they stand. */
export function renderBanner(ready: ReadyDocument, dataDirectory: string): string {
  const sample = ensureSample(dataDirectory);
  const files = `${ready.api_url}/api/v1/files`;
  const credentials = JSON.stringify(ready.credentials_file);
  const form = quote(
    `new URLSearchParams({ grant_type: "client_credentials", ...require(${credentials}) }) + ""`,
  );
  const field = (name: string): string =>
    `node -p ${quote(`JSON.parse(require("fs").readFileSync(0, "utf8")).${name}`)}`;
  // Not with tee: /dev/stderr cannot be opened where standard error is a socket.
  const showAndTakeId = `node -p ${quote(
    'const text = require("fs").readFileSync(0, "utf8"); console.error(text); JSON.parse(text).file_id',
  )}`;
  const authorization = '-H "Authorization: Bearer $TOKEN"';
  return `
ArtStore is up.

  API          ${ready.api_url}
  Docs         ${ready.docs_url}
  Temporal UI  ${ready.temporal_ui_url ?? `(of the server at ${ready.temporal_address})`}
  Credentials  ${ready.credentials_file}
  Logs         ${join(dataDirectory, 'logs')}

A token, a file stored, the file read back:

  TOKEN=$(curl -sS -d "$(node -p ${form})" ${ready.api_url}/api/v1/auth/token | ${field('access_token')})

  FILE_ID=$(curl -sS ${authorization} -F ${quote(`file=@${sample}`)} ${files} | ${showAndTakeId})

  curl -sS ${authorization} -o ${quote(`copy of ${sampleName}`)} ${files}/$FILE_ID/content

Ctrl-C stops everything.
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A file to store, so that the commands work as they stand. */
function ensureSample(dataDirectory: string): string {
  const path = join(dataDirectory, sampleName);
  if (!existsSync(path)) writeFileAtomically(path, renderSamplePdf(), 0o644);
  return path;
}

/** One empty page, with the table of offsets that the format asks for. */
function renderSamplePdf(): string {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>',
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const count = objects.length + 1;
  const table = `xref\n0 ${count}\n0000000000 65535 f \n${offsets.join('')}`;
  return `${text}${table}trailer\n<</Size ${count}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF\n`;
}
