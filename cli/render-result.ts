import { optionalObject } from './answers.ts';
import type { OperationAnswer } from './operation-answer.ts';
import { renderMembers } from './render-file.ts';
import type { Terminal } from './terminal.ts';

/** What an operation has found, for people. */
export async function printResult(
  terminal: Terminal,
  { json }: Pick<OperationAnswer, 'json'>,
): Promise<void> {
  const result = optionalObject(json, 'result');
  if (result === null) return;
  for (const line of renderMembers(result, '  ')) await terminal.print(line);
}
