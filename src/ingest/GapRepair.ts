import { Clock, Context, Duration, Effect, Layer, Option, Queue, Semaphore } from "effect"
import type { RestError } from "../feed/RestError.ts"
import type { TradeHistory } from "../feed/TradeHistory.ts"
import { GapLedger, LEASE, SETTLING } from "../store/GapLedger.ts"
import type { LeasedGap } from "../store/LeasedGap.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import type { StoreError } from "../store/StoreError.ts"
import type { TradeStore } from "../store/TradeStore.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { RepairJob } from "./RepairJob.ts"
import { makeRepairPage } from "./repairPage.ts"

/** How often the ledger is asked for gaps when nobody tells of one. */
const LOOK = Duration.seconds(2)
/** Gaps that are leased at once, and filled in turns. */
const MOST_LEASED = 256
/** Pages under way at once: enough to spend the weight of a minute over a slow line. */
const WORKERS = 4

/** After so many failures in a row: 1 s, doubled each time, at most 60 s. */
export const waitAfter = (failures: number): Duration.Duration =>
  Duration.seconds(Math.min(60, 2 ** Math.max(0, failures - 1)))

/** Fills open gaps from what the exchange still serves, small ones first and several in turns. Never fails. */
export class GapRepair extends Context.Service<
  GapRepair,
  {
    /** Repairs until it is interrupted; then its gaps are anybody's again. */
    readonly run: Effect.Effect<never>
    /** Tells that a hole was committed. */
    readonly wake: Effect.Effect<void>
  }
>()("fulltape/ingest/GapRepair") {
  static readonly layer: Layer.Layer<GapRepair, never, GapLedger | TradeHistory | TradeStore> = Layer.effect(
    GapRepair,
    Effect.gen(function* () {
      const ledger = yield* GapLedger
      const page = yield* makeRepairPage
      const clock = yield* Clock.Clock
      const bell = yield* Queue.sliding<void>(1)
      const turns = yield* Queue.unbounded<RepairJob>()
      // A lease is known by its end, so it must not be prolonged while it is given back.
      const oneAtATime = yield* Semaphore.make(1)
      const warn = yield* makeRateLimited("10 seconds")
      const tell = yield* makeRateLimited("1 second")
      const held = new Set<RepairJob>()
      let failures = 0
      let pausedUntil = 0

      const wake = Effect.asVoid(Queue.offer(bell, undefined))

      const pause = Effect.suspend(() => {
        const wait = pausedUntil - clock.currentTimeMillisUnsafe()
        return wait > 0 ? Effect.sleep(wait) : Effect.void
      })

      /** What is wrong with the host or the database concerns every gap: all wait, once for each failure in a row. */
      const hold = Effect.sync(() => {
        const now = clock.currentTimeMillisUnsafe()
        if (now < pausedUntil) return
        failures += 1
        pausedUntil = now + Duration.toMillis(waitAfter(failures))
      })

      const failed = Effect.fnUntraced(function* (job: RepairJob, error: RepairError) {
        job.done(error.message)
        if (concernsEveryGap(error)) yield* hold
      })

      const finish = Effect.fnUntraced(function* (job: RepairJob) {
        const wait = waitAfter(job.progressed ? 1 : job.gap.attempts)
        const error = job.failure ?? (job.lost ? undefined : "The answers of the exchange leave ids out.")
        const missing = yield* release(job, wait, error)
        if (missing === 0) yield* tell(closed(job))
        else if (error !== undefined) yield* warn(staysOpen(job.gap, missing, error))
        yield* missing === 0 ? wake : Effect.forkChild(Effect.delay(wake, wait))
      })

      const release = (job: RepairJob, wait: Duration.Duration, error: string | undefined) =>
        Effect.suspend(() => ledger.release(job.gap, { error, wait, progressed: job.progressed })).pipe(
          Effect.ensuring(Effect.sync(() => held.delete(job))),
          oneAtATime.withPermit,
          Effect.catch((storeError) =>
            Effect.as(
              warn(Effect.logWarning(`A gap is not given back, and is leased again later. ${storeError.message}`)),
              job.gap.last - job.gap.first + 1,
            ),
          ),
        )

      const work = Effect.gen(function* () {
        const job = yield* Queue.take(turns)
        yield* pause
        const from = job.turn()
        if (job.isWaiting) yield* Queue.offer(turns, job)
        if (from !== undefined || job.isFinished) yield* inTrace(job, from)(turn(job, from))
      })

      const turn = Effect.fnUntraced(function* (job: RepairJob, from: number | undefined) {
        if (from !== undefined) {
          yield* page({ symbol: job.gap.symbol, from, last: job.gap.last }).pipe(
            Effect.matchEffect({
              onSuccess: (outcome) => Effect.sync(() => (job.done(outcome), (failures = 0))),
              onFailure: (error) => failed(job, error),
            }),
          )
        }
        if (job.isFinished) yield* finish(job)
      })

      const lease = Effect.gen(function* () {
        // Many at once and not one for each that closes: neighbours are only joined within one lease.
        if (held.size > MOST_LEASED / 2) return
        const span = Option.getOrUndefined(yield* Effect.option(Effect.currentSpan))
        for (const gap of yield* ledger.lease(MOST_LEASED)) {
          const job = new RepairJob(gap, span)
          held.add(job)
          yield* Queue.offer(turns, job)
        }
      }).pipe(Effect.catch((error) => warn(Effect.logWarning(`Repair cannot look for gaps now. ${triedAgain(error)}`))))

      // The looks that nobody asked for find nothing: as traces they would bury the others.
      let isAsked = true
      const leasing = Effect.suspend(() =>
        isAsked ? Effect.withSpan(lease, "GapRepair.lease", { root: true }) : Effect.withTracerEnabled(lease, false),
      ).pipe(
        Effect.andThen(Queue.take(bell).pipe(Effect.andThen(Effect.sleep(SETTLING)), Effect.timeoutOption(LOOK))),
        Effect.tap((rung) => Effect.sync(() => (isAsked = Option.isSome(rung)))),
      )

      const renewing = Effect.gen(function* () {
        yield* Effect.sleep(Duration.divideUnsafe(LEASE, 3))
        yield* Effect.gen(function* () {
          const jobs = [...held]
          if (jobs.length === 0) return
          const renewed = yield* ledger.renew(jobs.map(({ gap }) => gap))
          jobs.forEach((job, index) => {
            const gap = renewed[index]
            if (gap === undefined) job.lost = true
            else job.gap = gap
          })
        }).pipe(
          oneAtATime.withPermit,
          Effect.catch((error) => warn(Effect.logWarning(`Leases of gaps are not renewed. ${triedAgain(error)}`))),
        )
      })

      const releaseAll = Effect.suspend(() =>
        Effect.forEach([...held], (job) => release(job, Duration.zero, undefined), { discard: true }),
      ).pipe(Effect.timeoutOption("1 second"))

      const run = Effect.all(
        [leasing, renewing, ...Array.from({ length: WORKERS }, () => work)].map((part) => Effect.forever(part)),
        { concurrency: "unbounded", discard: true },
      ).pipe(Effect.andThen(Effect.never), Effect.ensuring(releaseAll))
      return GapRepair.of({ run, wake })
    }),
  )
}

type RepairError = RestError | StoreError | DatabaseUnusable

const concernsEveryGap = (error: RepairError): boolean =>
  error._tag !== "RestError" ||
  error.reason === "Unreachable" ||
  error.reason === "Unavailable" ||
  error.reason === "Restricted" ||
  error.reason === "NoSuchEndpoint"

const triedAgain = ({ message }: StoreError) => `It is tried again. ${message}`

/** One page of a gap is a trace of its own: all pages of a large one together would be too many spans. */
const inTrace = ({ gap: { first, last, symbol }, leasedIn }: RepairJob, from: number | undefined) =>
  Effect.withSpan(
    "GapRepair.page",
    {
      root: true,
      links: leasedIn === undefined ? [] : [{ span: leasedIn, attributes: {} }],
      attributes: {
        "gap.symbol": symbol,
        "gap.first": first,
        "gap.last": last,
        ...(from === undefined ? {} : { "page.from": from }),
      },
    },
    { captureStackTrace: false },
  )

const closed = ({ gap: { first, last, symbol }, gone, stored }: RepairJob) =>
  Effect.logInfo(`The gap of ${symbol} from id ${first} to ${last} is closed`).pipe(
    Effect.annotateLogs({ stored, unfillable: gone }),
  )

const staysOpen = ({ first, last, symbol }: LeasedGap, missing: number, error: string) =>
  Effect.logWarning(`${missing} ids of ${symbol} between ${first} and ${last} stay missing for now: ${error}`)
