import type { Problem } from './wire.js';

/**
 * The one error that the SDK throws or hands to `on('error')`.
 * `code` is stable and meant for programs, `detail` and `remedy` for people.
 */
export class CallboardError extends Error {
  /** A code of the API (`unauthorized`, `cursor_gone`, …), or one of the SDK's own: `unreachable`, `unexpected_answer`, `bad_stream`, `bad_option`, `wrong_app`, `closed`, `handler`. */
  readonly code: string;
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly detail: string;
  readonly remedy: string;

  constructor(code: string, status: number, detail: string, remedy = '', cause?: unknown) {
    super(remedy ? `${detail.replace(/\.$/, '')}; ${remedy}` : detail, cause === undefined ? undefined : { cause });
    this.name = 'CallboardError';
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.remedy = remedy;
  }
}

/** Reads an `application/problem+json` answer (RFC 9457); anything else becomes `unexpected_answer`. */
export async function problemOf(response: Response): Promise<CallboardError> {
  const status = response.status;
  try {
    if (/^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? '')) {
      const problem = (await response.json()) as Partial<Problem> | null;
      if (problem && typeof problem.code === 'string') {
        return new CallboardError(problem.code, status, problem.detail || problem.title || problem.code, problem.remedy);
      }
    } else {
      await response.body?.cancel();
    }
  } catch {
    // A cut or broken body says no more than the status does.
  }
  return unexpected(response.url, `answered with status ${status}`, status);
}

export function unexpected(url: string, what: string, status = 0): CallboardError {
  return new CallboardError('unexpected_answer', status, `${url} ${what}, which is not an answer of Callboard.`,
    'Check that the address is the one that Callboard printed.');
}

/** The token is missing, wrong, taken away, or not allowed here: trying again does not help. */
export function isRefusal(error: CallboardError): boolean {
  return error.status === 401 || error.status === 403;
}

export function asCallboardError(error: unknown): CallboardError {
  if (error instanceof CallboardError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new CallboardError('handler', 0, text, '', error);
}
