//! A cache's text as a union that grows: only entries that change are taken apart, the others are copied as they are written.
//! With thirty thousand films in a folder that is the difference between a second of processor time for each batch and a tenth.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Addition, entry};
use crate::sys::path::composed;

/// The entries in their order.
#[derive(Debug, Default)]
pub(super) struct Union<'a> {
    slots: Vec<Slot<'a>>,
}

#[derive(Debug)]
struct Slot<'a> {
    key: Cow<'a, str>,
    /// The file that the entry is about, in NFC; what has none is not ours to judge.
    name: Option<Cow<'a, str>>,
    /// `None`: taken out.
    body: Option<Body<'a>>,
}

#[derive(Debug)]
enum Body<'a> {
    Written(&'a RawValue),
    Built(Value),
}

impl Body<'_> {
    fn value(&self) -> Value {
        match self {
            // The text was read as JSON once already.
            Self::Written(text) => serde_json::from_str(text.get()).unwrap_or_default(),
            Self::Built(value) => value.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    file_name: Option<Cow<'a, str>>,
}

impl<'a> Union<'a> {
    /// The union that a text holds; an error where it is no JSON object.
    pub fn parse(text: &'a [u8]) -> serde_json::Result<Self> {
        let Pairs(pairs) = serde_json::from_slice(text)?;
        let mut seen: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(pairs.len());
        let mut slots: Vec<Slot<'a>> = Vec::with_capacity(pairs.len());
        for (key, body) in pairs {
            let name = serde_json::from_str::<Named<'a>>(body.get()).ok().and_then(|named| named.file_name);
            let name = name.map(|name| match composed(&name) {
                Cow::Owned(composed) => Cow::Owned(composed),
                Cow::Borrowed(_) => name,
            });
            // Of a name that stands there twice the last counts, as to every other reader.
            if let Some(before) = seen.insert(key.clone(), slots.len()) {
                slots[before].body = None;
            }
            slots.push(Slot { key, name, body: Some(Body::Written(body)) });
        }
        Ok(Self { slots })
    }

    /// Entries, those that were taken out among them.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds to the union: per file the newer memo wins; other fields and entries stay as they are. Whether that changed
    /// anything.
    pub fn merge(&mut self, additions: &[Addition]) -> bool {
        let there = || self.slots.iter().enumerate().filter(|(_, slot)| slot.body.is_some());
        let mut of_name: HashMap<String, Vec<usize>> = HashMap::with_capacity(self.slots.len());
        let mut of_key: HashMap<String, usize> = HashMap::with_capacity(self.slots.len());
        let wanted: HashSet<Cow<'_, str>> =
            additions.iter().map(|addition| composed(&addition.name)).collect();
        for (at, slot) in there() {
            if let Some(name) = slot.name.as_deref().filter(|name| wanted.contains(*name)) {
                of_name.entry(name.to_owned()).or_default().push(at);
            }
            of_key.insert(slot.key.clone().into_owned(), at);
        }
        let mut changed = false;
        for addition in additions {
            let own = of_name.entry(composed(&addition.name).into_owned()).or_default();
            own.retain(|at| {
                let slot = &mut self.slots[*at];
                let stamp = slot.body.as_ref().and_then(|body| entry::stamp_of(&body.value()));
                let same = stamp.is_none_or(|stamp| stamp.same_file(&addition.stamp));
                if !same {
                    // Another state of the same name is history.
                    slot.body = None;
                    changed = true;
                }
                same
            });
            // An SMB view of the same file may have rounded its time: its entry is continued.
            let key = own.first().map_or_else(
                || entry::key(&addition.name, &addition.stamp),
                |at| self.slots[*at].key.clone().into_owned(),
            );
            let at = of_key.get(&key).copied();
            let old = at.and_then(|at| self.slots[at].body.as_ref()).map(Body::value);
            let Some(entry) = entry::extended(old, &key, addition) else { continue };
            changed = true;
            let name = Some(Cow::Owned(composed(&addition.name).into_owned()));
            let body = Some(Body::Built(Value::Object(entry)));
            if let Some(at) = at {
                self.slots[at].name = name;
                self.slots[at].body = body;
                if !own.contains(&at) {
                    own.push(at);
                }
            } else {
                of_key.insert(key.clone(), self.slots.len());
                own.push(self.slots.len());
                self.slots.push(Slot { key: Cow::Owned(key), name, body });
            }
        }
        changed
    }

    /// Takes out the entries of files that are not listed any more.
    pub fn forget_the_gone(&mut self, listed: &[String]) {
        let listed: HashSet<Cow<'_, str>> = listed.iter().map(|name| composed(name)).collect();
        self.slots.retain(|slot| slot.name.as_deref().is_none_or(|name| listed.contains(name)));
    }

    /// Takes the facts out of all entries.
    pub fn drop_facts(&mut self) {
        for body in self.slots.iter_mut().filter_map(|slot| slot.body.as_mut()) {
            let mut value = body.value();
            if let Some(entry) = value.as_object_mut() {
                entry.remove(super::FACTS);
            }
            *body = Body::Built(value);
        }
    }

    /// JSON as Python writes it.
    pub fn text(&self) -> io::Result<Vec<u8>> {
        entry::to_text(self)
    }
}

impl Serialize for Union<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for slot in &self.slots {
            match &slot.body {
                // Readers whose locale is not UTF-8 read ASCII alone.
                Some(Body::Written(text)) if text.get().is_ascii() => map.serialize_entry(&slot.key, text)?,
                Some(body) => map.serialize_entry(&slot.key, &body.value())?,
                None => {}
            }
        }
        map.end()
    }
}

/// Keys and values of a JSON object, the values not looked into yet: one odd entry must not cost the others.
pub(super) struct Pairs<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
                let mut pairs = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &RawValue>()? {
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Values)
    }
}
