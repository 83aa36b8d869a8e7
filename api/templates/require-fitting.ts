import { DomainError } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import type { TemplateChecker } from '#domain/ports/template-checker.ts';
import type { TemplateId } from '#domain/templates/template-name.ts';

/** @throws ATTRIBUTES_TEMPLATE_VIOLATED with every fault, TEMPLATE_NOT_FOUND, CATALOGUE_UNAVAILABLE */
export async function requireFitting(
  checker: TemplateChecker,
  template: TemplateId,
  customAttributes: JsonObject,
): Promise<void> {
  const faults = await checker.findFaults(template, customAttributes);
  if (faults.length === 0) return;
  throw new DomainError(
    'ATTRIBUTES_TEMPLATE_VIOLATED',
    `The custom attributes do not fit the template ${template}; see the list of faults.`,
    { details: { faults } },
  );
}
