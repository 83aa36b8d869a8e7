import type { Command } from 'commander';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { printable } from '#cli/printable.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';

export function addProfile(program: Command, run: RunCommand): void {
  const profile = program.command('profile').description('Profiles that artstore login has kept');
  profile
    .command('list')
    .description('All profiles, never their secrets')
    .action((_options: object, self: Command) => run(self, listProfiles));
  profile
    .command('use')
    .description('Make a profile the one that commands use when none is named')
    .argument('<name>')
    .action((name: string, _options: object, self: Command) =>
      run(self, (session) => useProfile(session, name)),
    );
}

async function listProfiles({ profiles, terminal }: Session): Promise<ExitCode> {
  const { current, byName } = await profiles.read();
  const table = terminal.table([
    { title: '', width: 1 },
    { title: 'PROFILE', width: 20 },
    { title: 'SERVER', width: 40 },
    { title: 'CLIENT ID', width: null },
  ]);
  for (const [name, { url, clientId }] of byName) {
    const isCurrent = name === current;
    if (terminal.isJson) {
      await terminal.printJson({ profile: name, url, client_id: clientId, is_current: isCurrent });
    } else {
      await table.row([isCurrent ? '*' : '', printable(name), printable(url), printable(clientId)]);
    }
  }
  return exitCodes.ok;
}

async function useProfile({ profiles, terminal }: Session, name: string): Promise<ExitCode> {
  await profiles.use(name);
  terminal.note(`The current profile is "${name}".`);
  return exitCodes.ok;
}
