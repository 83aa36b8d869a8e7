import test from 'ava';
import { createAttributes } from '#domain/attributes/new-attributes.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import { attributeValues, toSearchDocument } from '#domain/search/search-document.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

const fileId = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' as FileId;

const file = { fileId, elementId: 'edit-01' as ElementId } as CatalogueFile;

const attributes = createAttributes({
  fileId,
  originalFilename: 'Отчёт.PDF',
  storagePath: '2025/11/08/10/',
  storageFilename: 'x',
  sizeBytes: 10,
  contentType: 'application/pdf',
  checksum: '0'.repeat(64),
  createdAt: parseInstant('2025-11-08T10:30:45.5Z')!,
  createdBy: { id: fileId, username: 'ivanov', fullname: null },
  fields: {
    description: 'half \ud800',
    version: null,
    tags: ['срочно'],
    metadata: { page: 3 },
    customAttributes: { unit: 'шт', deep: { list: ['a', true, null, { b: 'c' }] } },
  },
  retention: { policy: 'permanent', retainUntil: null },
});

test('a document has what a file is found by, and no half characters', (t) => {
  t.deepEqual(toSearchDocument(file, attributes, '7'), {
    file_id: fileId,
    version: '7',
    original_filename: 'Отчёт.PDF',
    extension: 'pdf',
    description: 'half \uFFFD',
    tags: ['срочно'],
    content_type: 'application/pdf',
    username: 'ivanov',
    element_id: 'edit-01' as ElementId,
    retention_policy: 'permanent',
    file_size: 10,
    created_at: 1_762_597_845.5,
    updated_at: 1_762_597_845.5,
    attribute_values: ['шт', 'a', 'c', '3'],
  });
});

test('values keep their digits, and there is an end to them', (t) => {
  const values = parseStrictJson('[1.50, 12345678901234567890, ["x"]]');
  t.deepEqual(attributeValues([values]), ['1.50', '12345678901234567890', 'x']);
  t.is(attributeValues([Array(2000).fill('x')]).length, 500);
  t.is(attributeValues(['y'.repeat(5000)])[0]?.length, 1000);
});
