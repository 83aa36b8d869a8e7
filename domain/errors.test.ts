import test from 'ava';

import { DomainError, errorCatalogue, isDomainError, isErrorCode } from '#domain/errors.ts';

test('codes are told from other words, those of the prototype included', (t) => {
  for (const code of Object.keys(errorCatalogue)) t.true(isErrorCode(code));
  for (const word of ['constructor', 'toString', '__proto__', 'file_not_found', '']) {
    t.false(isErrorCode(word));
  }
});

test('an error carries kind and title of its code, its details and its cause', (t) => {
  const cause = new Error('inner');
  const error = new DomainError('FILE_NOT_FOUND', 'No file has this id.', {
    details: { operationId: 'x' },
    cause,
  });
  t.is(error.kind, 'not-found');
  t.is(error.title, errorCatalogue.FILE_NOT_FOUND.title);
  t.is(error.details.operationId, 'x');
  t.is(error.cause, cause);
  t.false(Object.hasOwn(new DomainError('INTERNAL', 'x'), 'cause'));
});

test('errors are told by code', (t) => {
  const error: unknown = new DomainError('FILE_BUSY', 'x');
  t.true(isDomainError(error));
  t.true(isDomainError(error, 'FILE_NOT_FOUND', 'FILE_BUSY'));
  t.false(isDomainError(error, 'FILE_NOT_FOUND'));
  t.false(isDomainError(new Error('FILE_BUSY'), 'FILE_BUSY'));
  t.false(isDomainError(null));
});
