import type { ApiPorts } from '#api/dependencies.ts';
import { requireFitting } from '#api/templates/require-fitting.ts';
import type { CheckedFields } from '#api/uploads/upload-fields.ts';
import { DomainError } from '#domain/errors.ts';
import {
  formatTemplateReference,
  templateIdOf,
  type TemplateId,
  type TemplateReference,
} from '#domain/templates/template-name.ts';

/** The template of one upload: which version is the newest is decided once. */
export interface UploadTemplate {
  /** @throws REQUEST_INVALID when there is no such template, CATALOGUE_UNAVAILABLE */
  resolve(sent: TemplateReference | null): Promise<TemplateId | null>;
  /** @throws as `resolve`, ATTRIBUTES_TEMPLATE_VIOLATED with every fault */
  check(fields: Pick<CheckedFields, 'template' | 'user'>): Promise<TemplateId | null>;
}

export function createUploadTemplate({
  templates,
  templateChecker,
}: Pick<ApiPorts, 'templates' | 'templateChecker'>): UploadTemplate {
  let resolved: TemplateId | null = null;

  async function resolve(sent: TemplateReference | null): Promise<TemplateId | null> {
    if (sent === null || resolved !== null) return resolved;
    const found = await templates.findVersion(sent);
    if (found === null) throw unknownTemplate(sent);
    resolved = templateIdOf(found);
    return resolved;
  }

  return {
    resolve,
    async check({ template: sent, user }) {
      const template = await resolve(sent);
      if (template !== null) await requireFitting(templateChecker, template, user.customAttributes);
      return template;
    },
  };
}

function unknownTemplate(sent: TemplateReference): DomainError {
  const message = `there is no template ${formatTemplateReference(sent)}`;
  return new DomainError('REQUEST_INVALID', 'The fields are not valid; see the list of faults.', {
    details: { faults: [{ pointer: '/template', message }] },
  });
}
