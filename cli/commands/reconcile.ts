import type { Command } from 'commander';
import { elementPath } from '#cli/element-path.ts';
import type { ExitCode } from '#cli/exit-codes.ts';
import { finishAccepted, type WaitOptions } from '#cli/operation-watch.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { startOperation } from '#cli/start-operation.ts';
import { addWaitOptions } from '#cli/wait-options.ts';

interface Options extends WaitOptions {
  readonly apply?: boolean;
}

export function addReconcile(program: Command, run: RunCommand): void {
  const command = program
    .command('reconcile')
    .description('Compare an element with the catalogue; without --apply nothing is changed')
    .argument('<element_id>')
    .option('--apply', 'repair what is safe to repair');
  addWaitOptions(command).action((id: string, options: Options, self: Command) =>
    run(self, (session) => reconcile(session, id, options)),
  );
}

async function reconcile(session: Session, elementId: string, options: Options): Promise<ExitCode> {
  const api = await session.connect();
  const path = `${elementPath(elementId)}/reconcile`;
  const operation = await startOperation(api, path, { apply: options.apply === true });
  return finishAccepted(session, operation, options);
}
