import type { Command } from 'commander';
import { variable } from '#cli/connection.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { unknownProfile } from '#cli/profile-store.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';

export function addLogout(program: Command, run: RunCommand): void {
  program
    .command('logout')
    .description('Forget a profile with its secret and its token')
    .action((_options: object, self: Command) => run(self, logout));
}

async function logout({ options, profiles, tokens, terminal, world }: Session): Promise<ExitCode> {
  const named = options.profile ?? variable(world.env, 'ARTSTORE_PROFILE');
  const profile = named ?? (await profiles.read()).current;
  if (profile === null) {
    terminal.note('Nobody is logged in.');
    return exitCodes.ok;
  }
  const removed = await profiles.remove(profile);
  if (removed === null) throw unknownProfile(profile);
  await tokens.forget(removed);
  terminal.note(`The profile "${profile}" is forgotten.`);
  return exitCodes.ok;
}
