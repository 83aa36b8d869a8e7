import { createHash } from 'node:crypto';
import { answerJson } from '#api/answers.ts';
import { readJsonBody } from '#api/json-body.ts';
import { callerOf, declareRoute, type Call } from '#api/route.ts';
import {
  newTemplateSchema,
  presentTemplate,
  templateSchema,
  templatesPath,
} from '#api/templates/template-schemas.ts';
import { compileBody, findBodyFaults } from '#api/validation.ts';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import { DomainError, isDomainError, type Fault } from '#domain/errors.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { TemplateChecker } from '#domain/ports/template-checker.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { isTemplateName, templateNameRule } from '#domain/templates/template-name.ts';

const validateBody = compileBody(newTemplateSchema);

export const registerTemplate = declareRoute({
  method: 'POST',
  path: templatesPath,
  name: 'registerTemplate',
  summary: 'Register the next version of a template for custom attributes',
  tag: 'schemas',
  policy: { action: 'templates.manage' },
  body: {
    description: 'A version never changes and is never removed.',
    maxBytes: limits.templateBodyBytes,
    content: { 'application/json': newTemplateSchema },
  },
  answers: {
    200: {
      description: 'The newest version says just this; nothing was made',
      content: { 'application/json': templateSchema },
      headers: { Location: 'Its schema' },
    },
    201: {
      description: 'The new version',
      content: { 'application/json': templateSchema },
      headers: { Location: 'Its schema' },
    },
  },
  errors: [
    'REQUEST_MALFORMED',
    'BODY_INCOMPLETE',
    'REQUEST_INVALID',
    'TEMPLATE_INVALID',
    'BODY_TOO_LARGE',
    'MEDIA_TYPE_UNSUPPORTED',
    'SENDER_TOO_SLOW',
    'CATALOGUE_UNAVAILABLE',
  ],
  steps: [register],
});

async function register(call: Call): Promise<void> {
  const { templates, templateChecker } = call.services.ports;
  const body = await readJsonBody(call, { maxBytes: limits.templateBodyBytes });
  const { name, schema } = requireTemplate(templateChecker, body);
  const { template, isNew } = await templates.addTemplate({
    name,
    schema,
    // Neither white space nor the order of keys makes another template.
    digest: createHash('sha256').update(canonicalizeJson(schema)).digest('hex'),
    createdBy: callerOf(call).accountId,
  });
  const presented = presentTemplate(template);
  call.context.set('Location', presented.links.self);
  answerJson(call.context, isNew ? 201 : 200, presented);
}

function requireTemplate(checker: TemplateChecker, body: JsonValue) {
  const faults: Fault[] = [...findBodyFaults(validateBody, body)];
  const { name = null, schema = null } = isJsonObject(body) ? body : {};
  if (typeof name === 'string' && !isTemplateName(name)) {
    faults.push({ pointer: '/name', message: `must be ${templateNameRule}` });
  }
  if (faults.length === 0) {
    const template = { name: name as string, schema: schema as JsonObject };
    checker.requireUsable(template.schema);
    return template;
  }
  throw new DomainError('REQUEST_INVALID', 'The request is not valid; see the list of faults.', {
    details: { faults: [...faults, ...faultsOfSchema(checker, schema)] },
  });
}

/** The schema may be wrong as well: the caller is told everything at once. */
function faultsOfSchema(checker: TemplateChecker, schema: JsonValue): readonly Fault[] {
  if (!isJsonObject(schema)) return [];
  try {
    checker.requireUsable(schema);
    return [];
  } catch (error) {
    if (!isDomainError(error, 'TEMPLATE_INVALID')) throw error;
    return error.details.faults ?? [];
  }
}
