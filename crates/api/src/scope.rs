//! What an API key may do: names at the doors, bits in the journal. A bit never changes its meaning.

use std::fmt;

/// A set of scopes, as the journal keeps it with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u32);

/// One scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    bit: u32,
    name: &'static str,
}

macro_rules! scopes {
    ($( $(#[$doc:meta])* $bit:literal $name:ident $text:literal; )*) => {
        impl Scope {
            $( $(#[$doc])* pub const $name: Self = Self { bit: 1 << $bit, name: $text }; )*
            /// Every scope there is.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )* ];
        }
    };
}

scopes! {
    /// Read accounts, their balances and history.
    0 ACCOUNTS_READ "accounts:read";
    /// Open accounts, link ids, ask for deposit addresses.
    1 ACCOUNTS_WRITE "accounts:write";
    /// Read deposits and claims.
    2 DEPOSITS_READ "deposits:read";
    /// Claim deposits.
    3 DEPOSITS_CLAIM "deposits:claim";
    /// Read withdrawals.
    4 WITHDRAWALS_READ "withdrawals:read";
    /// Withdraw from accounts that the operator named, and cancel that.
    5 WITHDRAWALS_CREATE "withdrawals:create";
    /// Read transfers.
    6 TRANSFERS_READ "transfers:read";
    /// Transfer from accounts that the operator named.
    7 TRANSFERS_CREATE "transfers:create";
    /// Move between accounts, out of those that the operator named.
    8 MOVES_CREATE "moves:create";
    /// Follow everything that happens.
    9 EVENTS_READ "events:read";
    /// See the page.
    10 PAGE_READ "page:read";
    /// Make, list and revoke API keys.
    16 ADMIN_KEYS "admin:keys";
    /// Announce the operator's own funding.
    17 ADMIN_FUNDING "admin:funding";
    /// Pause and resume; resume what halted or stopped by itself; thaw wallets.
    18 ADMIN_PAUSE "admin:pause";
    /// Freeze and unfreeze accounts.
    19 ADMIN_FREEZE "admin:freeze";
    /// Assign suspense, settle what accounts owe, write off losses.
    20 ADMIN_SUSPENSE "admin:suspense";
    /// Read books, work that needs a person, wallets and the audit trail; start the reconciler.
    21 ADMIN_READ "admin:read";
    /// Everything that begins with `admin:`, now and later, and the page.
    31 ADMIN "admin:*";
}

impl Scope {
    /// Its name at the doors.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The scope of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name == name)
    }

    fn is_of_admin(self) -> bool {
        self.name.starts_with("admin:") || self == Self::PAGE_READ
    }
}

impl Scopes {
    /// Every scope: what the operator's first key gets.
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// As the journal keeps it.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// For the journal.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set of those names.
    ///
    /// # Errors
    /// The first name that is no scope.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        names.into_iter().map(|name| Scope::named(name).ok_or(name)).collect()
    }

    /// Whether it gives the right to do what `scope` names.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit != 0 || (scope.is_of_admin() && self.0 & Scope::ADMIN.bit != 0)
    }

    /// Whether a holder of this may give all of `other` away.
    pub fn cover(self, other: Self) -> bool {
        self.0 & Scope::ADMIN.bit != 0 || other.0 & !self.0 == 0
    }

    /// The names.
    pub fn names(self) -> Vec<&'static str> {
        Scope::ALL.iter().filter(|scope| self.0 & scope.bit != 0).map(|scope| scope.name).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_names_are_unique() {
        let mut bits = 0;
        for scope in Scope::ALL {
            assert_eq!(bits & scope.bit, 0, "{}", scope.name);
            bits |= scope.bit;
            assert_eq!(Scope::named(scope.name), Some(*scope));
        }
    }

    #[test]
    fn the_star_covers_what_begins_with_admin_and_nothing_that_spends() {
        let star: Scopes = [Scope::ADMIN].into_iter().collect();
        assert!(star.allow(Scope::ADMIN_FREEZE) && star.allow(Scope::PAGE_READ));
        assert!(!star.allow(Scope::WITHDRAWALS_CREATE) && !star.allow(Scope::MOVES_CREATE));
        let keys: Scopes = [Scope::ADMIN_KEYS].into_iter().collect();
        assert!(!keys.cover(star) && !keys.allow(Scope::ADMIN_PAUSE) && star.cover(Scopes::all()));
        assert_eq!(Scopes::parse(["moves:create", "moves:*"]), Err("moves:*"));
    }
}
