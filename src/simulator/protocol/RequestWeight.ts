/** What an address has spent in the current clock minute, and whether it may go on. */
export type WeightVerdict =
  | { readonly kind: "served"; readonly used: number }
  | { readonly kind: "limited"; readonly used: number; readonly retryAfter: number }
  | { readonly kind: "banned"; readonly used: number; readonly retryAfter: number; readonly until: number }

/** Requests over the limit that are answered by 429 before the address is banned. */
const PATIENCE = 10
const FIRST_BAN = 2 * 60_000
const LONGEST_BAN = 3 * 24 * 60 * 60_000

interface Account {
  minute: number
  used: number
  excess: number
  bannedUntil: number
  nextBan: number
}

/** Spends the weight of one request of an address at `now` (ms since the epoch); refused requests cost weight too. */
export type SpendWeight = (address: string, weight: number, now: number) => WeightVerdict

/** Accounts per address and UTC clock minute; going on after 429 earns a ban, each longer than the last. */
export const makeSpendWeight = (limit: number): SpendWeight => {
  const accounts = new Map<string, Account>()
  return (address, weight, now) => {
    const minute = Math.floor(now / 60_000)
    let account = accounts.get(address)
    if (account === undefined) {
      account = { minute, used: 0, excess: 0, bannedUntil: 0, nextBan: FIRST_BAN }
      accounts.set(address, account)
    }
    if (account.minute !== minute) {
      account.minute = minute
      account.used = 0
      account.excess = 0
    }
    account.used += weight
    const { used } = account
    const seconds = (until: number) => Math.max(1, Math.ceil((until - now) / 1000))
    if (now >= account.bannedUntil && used > limit) {
      account.excess += 1
      if (account.excess > PATIENCE) {
        account.bannedUntil = now + account.nextBan
        account.nextBan = Math.min(LONGEST_BAN, account.nextBan * 2)
      }
    }
    if (now < account.bannedUntil) {
      return { kind: "banned", used, retryAfter: seconds(account.bannedUntil), until: account.bannedUntil }
    }
    return used > limit
      ? { kind: "limited", used, retryAfter: seconds((minute + 1) * 60_000) }
      : { kind: "served", used }
  }
}
