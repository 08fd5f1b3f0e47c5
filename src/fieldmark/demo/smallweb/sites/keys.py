"""The keys that the sites of the small web take. Made up; they open nothing else."""

FLICKR = "5ma11webf11ckr00000000000000cafe"
SERPAPI = "5ma11web5erpap1"
GOOGLE = "5ma11webg00g1e"
GOOGLE_ENGINE = "5ma11web:cx"
