import type { ApiServices } from '#api/services.ts';
import { DomainError } from '#domain/errors.ts';

/** Before anything of a change is read or done. @throws WORKFLOWS_UNAVAILABLE */
export function requireWorkflows({ ports }: ApiServices): void {
  if (ports.lifecycle.isAvailable()) return;
  throw new DomainError('WORKFLOWS_UNAVAILABLE', 'Changes are not possible now; send it again.');
}
