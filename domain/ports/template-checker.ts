import type { Fault } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import type { TemplateId } from '#domain/templates/template-name.ts';

/**
 * Checks `custom_attributes` against registered templates. The verdict depends on the template and
 * the value alone, and is reached within `limits.templateCheckUnits` of work, whatever both are.
 */
export interface TemplateChecker {
  /** @throws TEMPLATE_INVALID with every fault and its pointer into `/schema` */
  requireUsable(schema: JsonObject): void;
  /**
   * @returns every fault with its pointer into `/custom_attributes`; none: the value fits.
   * @throws TEMPLATE_NOT_FOUND, CATALOGUE_UNAVAILABLE
   */
  findFaults(template: TemplateId, customAttributes: JsonObject): Promise<readonly Fault[]>;
}
