import test from 'ava';

import { createAnswerReader, type Answer } from './http-answer.ts';

const sized =
  'HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\ncontent-length: 11\r\n\r\nhello\r\nyou!';
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello\r\n\r\n4\r\nyou!\r\n0\r\n\r\n';

function read(pieces: readonly string[]): Answer[] {
  const answers: Answer[] = [];
  const push = createAnswerReader({ keepsBody: true }, (answer) => answers.push(answer));
  for (const piece of pieces) push(Buffer.from(piece));
  return answers;
}

for (const [name, text, status] of [
  ['a sized body', sized, 201],
  ['a chunked body', chunked, 200],
] as const) {
  test(`${name} is the same wherever its bytes are cut`, (t) => {
    const expected = [{ status, bodyBytes: 11, body: 'hello\r\nyou!' }];
    for (let cut = 0; cut <= text.length; cut += 1) {
      t.deepEqual(read([text.slice(0, cut), text.slice(cut)].filter(Boolean)), expected);
    }
    t.deepEqual(read(Array.from(text)), expected);
  });

  test(`${name} does not end before its last byte`, (t) => {
    t.deepEqual(read([text.slice(0, -1)]), []);
  });

  test(`${name} with bytes behind it is refused`, (t) => {
    t.throws(() => read([`${text}x`]));
  });
}

test('an answer without a body ends with its head', (t) => {
  t.deepEqual(read(['HTTP/1.1 304 Not Modified\r\n\r\n']), [
    { status: 304, bodyBytes: 0, body: '' },
  ]);
});
