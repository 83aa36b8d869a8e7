import type { Command } from 'commander';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { readOperation, renderOperation } from './operation-answer.ts';
import { operationPath } from './operation-path.ts';
import type { RunCommand } from './run-command.ts';
import type { Session } from './session.ts';
import type { OperationControl } from '#domain/operation-control.ts';

const descriptions = {
  pause: 'Let an operation rest between two of its steps',
  resume: 'Let a paused operation go on',
  cancel: 'Ask an operation to end; what is done stays done',
} as const satisfies Record<OperationControl, string>;

/** `pause`, `resume`, `cancel`, below `operations` and below `migrate`. */
export function addControls(group: Command, run: RunCommand): void {
  for (const [control, description] of Object.entries(descriptions)) {
    group
      .command(control)
      .description(description)
      .argument('<operation_id>')
      .action((id: string, _options: object, self: Command) =>
        run(self, (session) => controlOperation(session, id, control)),
      );
  }
}

async function controlOperation(
  session: Session,
  operationId: string,
  control: string,
): Promise<ExitCode> {
  const { terminal } = session;
  const api = await session.connect();
  const { json } = await api.call({
    method: 'POST',
    path: `${operationPath(operationId)}/${control}`,
  });
  const operation = readOperation(json);
  if (terminal.isJson) await terminal.printJson(operation.json);
  else await terminal.print(renderOperation(operation));
  return exitCodes.ok;
}
