import type { Status } from "./HealthChecks.ts"

/** Since when each part is as it is. */
export class Statuses {
  private readonly parts = new Map<string, { readonly status: Status; readonly since: number }>()

  /** Notes how a part is, and gives since when. `began`, in ms since the epoch, is when this status began, should it be new. */
  readonly note = <S extends Status>(
    part: string,
    status: S,
    began: number,
  ): { readonly status: S; readonly since: string } => {
    const before = this.parts.get(part)
    // One status after the other, whatever the clocks say.
    const since = before?.status === status ? before.since : Math.max(began, before?.since ?? began)
    this.parts.set(part, { status, since })
    return { status, since: new Date(since).toISOString() }
  }

  /** The same of what parts come to: it is as it is since the first of them was, or, when they all work, since the last one was. */
  readonly noteWhole = <S extends Status>(
    whole: string,
    status: S,
    parts: ReadonlyArray<{ readonly status: Status; readonly since: string }>,
    now: number,
  ) => {
    const wrong = parts.filter((part) => part.status !== "up").map(sinceOf)
    const began = status === "up" ? Math.max(...parts.map(sinceOf)) : Math.min(now, ...wrong)
    return this.note(whole, status, began)
  }
}

const sinceOf = ({ since }: { readonly since: string }): number => Date.parse(since)
