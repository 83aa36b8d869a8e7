import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import type { TemplateChecker } from '#domain/ports/template-checker.ts';
import type { TemplateRegistry } from '#domain/ports/template-registry.ts';
import { parseTemplateReference, type TemplateId } from '#domain/templates/template-name.ts';
import { compileTemplate, type CompiledTemplate } from './template-compiler.ts';

/** Keeps what was compiled: a version never changes, so nothing of it is ever out of date. */
export function createTemplateChecker(
  registry: Pick<TemplateRegistry, 'findTemplate'>,
): TemplateChecker {
  /** The least recently used first. */
  const compiled = new Map<TemplateId, CompiledTemplate>();

  async function open(id: TemplateId): Promise<CompiledTemplate> {
    const template = compiled.get(id) ?? (await compile(id));
    compiled.delete(id);
    compiled.set(id, template);
    const [oldest] = compiled.keys();
    if (compiled.size > limits.templatesCompiled && oldest !== undefined) compiled.delete(oldest);
    return template;
  }

  async function compile(id: TemplateId): Promise<CompiledTemplate> {
    const reference = parseTemplateReference(id);
    const template = reference === null ? null : await registry.findTemplate(reference);
    if (template === null) {
      throw new DomainError('TEMPLATE_NOT_FOUND', `The template ${id} is not registered.`);
    }
    // Several may have asked at once; the first has compiled it.
    return compiled.get(id) ?? compileTemplate(template.schema);
  }

  /** Together they could remember without end; built up again, it costs little. */
  function forgetTexts(): void {
    const templates = [...compiled.values()];
    const chars = templates.reduce((sum, { patternChars }) => sum + patternChars, 0);
    if (chars <= limits.patternMemoryChars) return;
    for (const template of templates) template.forgetTexts();
  }

  return {
    requireUsable: (schema) => void compileTemplate(schema),
    async findFaults(id, customAttributes) {
      const template = await open(id);
      const faults = template.check(customAttributes);
      forgetTexts();
      return faults;
    },
  };
}
