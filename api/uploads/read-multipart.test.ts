import test from 'ava';
import { assert, asyncProperty, integer } from 'fast-check';
import { readMultipart } from '#api/uploads/read-multipart.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';

const boundary = 'XyZ';
const body = Buffer.from(
  [
    `preamble\r\n--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nfirst\r\n`,
    `--${boundary}\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n`,
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\n\r\n--${boundary.slice(0, 2)}\r\n-\r\n--\r\n`,
    `--${boundary}--\r\nepilogue`,
  ].join(''),
);
const whole = [
  ['a', null, 'first'],
  ['empty', null, ''],
  ['file', 'x.txt', `--${boundary.slice(0, 2)}\r\n-\r\n--`],
];

async function* inPieces(bytes: Buffer, pieceBytes: number) {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function readAll(source: AsyncIterable<Uint8Array>) {
  const parts: unknown[] = [];
  for await (const part of readMultipart(source, boundary)) {
    let text = '';
    for await (const chunk of part.body) text += Buffer.from(chunk).toString();
    parts.push([part.name, part.filename, text]);
  }
  return parts;
}

test('the parts are the same however the body is cut into packets', async (t) => {
  for (let pieceBytes = 1; pieceBytes <= body.length; pieceBytes += 1) {
    t.deepEqual(await readAll(inPieces(body, pieceBytes)), whole, String(pieceBytes));
  }
});

test('a body that ends anywhere before its end is malformed, never waited for', async (t) => {
  const end = body.lastIndexOf('--') + 2;
  await assert(
    asyncProperty(
      integer({ min: 0, max: end - 1 }),
      integer({ min: 1, max: 64 }),
      async (cutAt, pieceBytes) => {
        const source = inPieces(body.subarray(0, cutAt), pieceBytes);
        const error = await readAll(source).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        return isDomainError(error, 'MULTIPART_MALFORMED');
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});

test('what the source throws comes out, between parts and inside of one', async (t) => {
  for (const cutAt of [20, 75, 230]) {
    const failing = async function* () {
      yield body.subarray(0, cutAt);
      throw new DomainError('SENDER_TOO_SLOW', 'test');
    };
    const error = await t.throwsAsync(readAll(failing()), undefined, String(cutAt));
    t.true(isDomainError(error, 'SENDER_TOO_SLOW'));
  }
});

test('the sender is held back while a part is not read', async (t) => {
  let pulled = 0;
  const endless = async function* () {
    yield Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n`,
    );
    for (;;) {
      pulled += 1;
      yield Buffer.alloc(65_536);
    }
  };
  for await (const part of readMultipart(endless(), boundary)) {
    for (let turn = 0; turn < 100; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    t.true(pulled < 8, `${pulled} chunks were taken`);
    t.is(part.name, 'file');
    break;
  }
});
