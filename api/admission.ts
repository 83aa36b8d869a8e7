import { DomainError, type ErrorCode } from '#domain/errors.ts';

/** Places for work under way; who finds none is told to come back, before anything is done. */
export interface Admission {
  /** Takes a place until it is disposed of. @throws the code that this admission was made with */
  admit(): Disposable;
  readonly admitted: number;
}

export function createAdmission(
  places: number,
  refusal: { readonly code: ErrorCode; readonly detail: string },
): Admission {
  let admitted = 0;
  return {
    admit() {
      if (admitted >= places) throw new DomainError(refusal.code, refusal.detail);
      admitted += 1;
      let isReleased = false;
      return {
        [Symbol.dispose]() {
          if (!isReleased) admitted -= 1;
          isReleased = true;
        },
      };
    },
    get admitted() {
      return admitted;
    },
  };
}
