"""Countries by ISO 3166-1 code, their English and Arabic names, and the states of the US, as plain data."""

from typing import Final


def _row(line: str) -> tuple[str, str, str]:
    alpha_2, alpha_3, name = line.split(" ", 2)
    return alpha_2, alpha_3, name


# (alpha-2, alpha-3, English name) of every country of ISO 3166-1.
COUNTRIES: Final = tuple(
    _row(line)
    for line in """\
ad and Andorra
ae are United Arab Emirates
af afg Afghanistan
ag atg Antigua and Barbuda
ai aia Anguilla
al alb Albania
am arm Armenia
ao ago Angola
aq ata Antarctica
ar arg Argentina
as asm American Samoa
at aut Austria
au aus Australia
aw abw Aruba
ax ala Åland Islands
az aze Azerbaijan
ba bih Bosnia and Herzegovina
bb brb Barbados
bd bgd Bangladesh
be bel Belgium
bf bfa Burkina Faso
bg bgr Bulgaria
bh bhr Bahrain
bi bdi Burundi
bj ben Benin
bl blm Saint Barthélemy
bm bmu Bermuda
bn brn Brunei
bo bol Bolivia
bq bes Bonaire, Sint Eustatius and Saba
br bra Brazil
bs bhs Bahamas
bt btn Bhutan
bv bvt Bouvet Island
bw bwa Botswana
by blr Belarus
bz blz Belize
ca can Canada
cc cck Cocos Islands
cd cod Democratic Republic of the Congo
cf caf Central African Republic
cg cog Republic of the Congo
ch che Switzerland
ci civ Côte d'Ivoire
ck cok Cook Islands
cl chl Chile
cm cmr Cameroon
cn chn China
co col Colombia
cr cri Costa Rica
cu cub Cuba
cv cpv Cape Verde
cw cuw Curaçao
cx cxr Christmas Island
cy cyp Cyprus
cz cze Czech Republic
de deu Germany
dj dji Djibouti
dk dnk Denmark
dm dma Dominica
do dom Dominican Republic
dz dza Algeria
ec ecu Ecuador
ee est Estonia
eg egy Egypt
eh esh Western Sahara
er eri Eritrea
es esp Spain
et eth Ethiopia
fi fin Finland
fj fji Fiji
fk flk Falkland Islands
fm fsm Micronesia
fo fro Faroe Islands
fr fra France
ga gab Gabon
gb gbr United Kingdom
gd grd Grenada
ge geo Georgia
gf guf French Guiana
gg ggy Guernsey
gh gha Ghana
gi gib Gibraltar
gl grl Greenland
gm gmb Gambia
gn gin Guinea
gp glp Guadeloupe
gq gnq Equatorial Guinea
gr grc Greece
gs sgs South Georgia and the South Sandwich Islands
gt gtm Guatemala
gu gum Guam
gw gnb Guinea-Bissau
gy guy Guyana
hk hkg Hong Kong
hm hmd Heard Island and McDonald Islands
hn hnd Honduras
hr hrv Croatia
ht hti Haiti
hu hun Hungary
id idn Indonesia
ie irl Ireland
il isr Israel
im imn Isle of Man
in ind India
io iot British Indian Ocean Territory
iq irq Iraq
ir irn Iran
is isl Iceland
it ita Italy
je jey Jersey
jm jam Jamaica
jo jor Jordan
jp jpn Japan
ke ken Kenya
kg kgz Kyrgyzstan
kh khm Cambodia
ki kir Kiribati
km com Comoros
kn kna Saint Kitts and Nevis
kp prk North Korea
kr kor South Korea
kw kwt Kuwait
ky cym Cayman Islands
kz kaz Kazakhstan
la lao Laos
lb lbn Lebanon
lc lca Saint Lucia
li lie Liechtenstein
lk lka Sri Lanka
lr lbr Liberia
ls lso Lesotho
lt ltu Lithuania
lu lux Luxembourg
lv lva Latvia
ly lby Libya
ma mar Morocco
mc mco Monaco
md mda Moldova
me mne Montenegro
mf maf Saint Martin
mg mdg Madagascar
mh mhl Marshall Islands
mk mkd North Macedonia
ml mli Mali
mm mmr Myanmar
mn mng Mongolia
mo mac Macao
mp mnp Northern Mariana Islands
mq mtq Martinique
mr mrt Mauritania
ms msr Montserrat
mt mlt Malta
mu mus Mauritius
mv mdv Maldives
mw mwi Malawi
mx mex Mexico
my mys Malaysia
mz moz Mozambique
na nam Namibia
nc ncl New Caledonia
ne ner Niger
nf nfk Norfolk Island
ng nga Nigeria
ni nic Nicaragua
nl nld Netherlands
no nor Norway
np npl Nepal
nr nru Nauru
nu niu Niue
nz nzl New Zealand
om omn Oman
pa pan Panama
pe per Peru
pf pyf French Polynesia
pg png Papua New Guinea
ph phl Philippines
pk pak Pakistan
pl pol Poland
pm spm Saint Pierre and Miquelon
pn pcn Pitcairn
pr pri Puerto Rico
ps pse Palestine
pt prt Portugal
pw plw Palau
py pry Paraguay
qa qat Qatar
re reu Reunion
ro rou Romania
rs srb Serbia
ru rus Russia
rw rwa Rwanda
sa sau Saudi Arabia
sb slb Solomon Islands
sc syc Seychelles
sd sdn Sudan
se swe Sweden
sg sgp Singapore
sh shn Saint Helena
si svn Slovenia
sj sjm Svalbard and Jan Mayen
sk svk Slovakia
sl sle Sierra Leone
sm smr San Marino
sn sen Senegal
so som Somalia
sr sur Suriname
ss ssd South Sudan
st stp Sao Tome and Principe
sv slv El Salvador
sx sxm Sint Maarten
sy syr Syria
sz swz Swaziland
tc tca Turks and Caicos Islands
td tcd Chad
tf atf French Southern Territories
tg tgo Togo
th tha Thailand
tj tjk Tajikistan
tk tkl Tokelau
tl tls Timor-Leste
tm tkm Turkmenistan
tn tun Tunisia
to ton Tonga
tr tur Turkey
tt tto Trinidad and Tobago
tv tuv Tuvalu
tw twn Taiwan
tz tza Tanzania
ua ukr Ukraine
ug uga Uganda
um umi United States Minor Outlying Islands
us usa United States
uy ury Uruguay
uz uzb Uzbekistan
va vat Vatican City
vc vct Saint Vincent and the Grenadines
ve ven Venezuela
vg vgb British Virgin Islands
vi vir U.S. Virgin Islands
vn vnm Vietnam
vu vut Vanuatu
wf wlf Wallis and Futuna
ws wsm Samoa
ye yem Yemen
yt myt Mayotte
za zaf South Africa
zm zmb Zambia
zw zwe Zimbabwe
""".splitlines()
)

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "eg": ("Arab Republic of Egypt", "Misr", "Masr"),
    "sa": ("KSA", "Saudi", "Kingdom of Saudi Arabia"),
    "ae": ("UAE", "Emirates"),
    "gb": ("UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "us": ("America", "US of A", "United States of America"),
    "ps": ("Palestinian Territories", "State of Palestine"),
    "sy": ("Syrian Arab Republic",),
    "ir": ("Islamic Republic of Iran",),
    "tr": ("Türkiye",),
    "nl": ("Holland",),
    "cz": ("Czechia",),
    "ru": ("Russian Federation",),
    "kr": ("Korea", "Republic of Korea"),
    "tw": ("Republic of China",),
    "cn": ("People's Republic of China", "PRC"),
    "ci": ("Ivory Coast",),
    "cd": ("DR Congo", "DRC"),
    "mk": ("Macedonia",),
    "mm": ("Burma",),
    "sz": ("Eswatini",),
    "tl": ("East Timor",),
    "cv": ("Cabo Verde",),
    "vn": ("Viet Nam",),
    "la": ("Lao",),
    "md": ("Republic of Moldova",),
    "va": ("Vatican", "Holy See"),
    "mo": ("Macau",),
}

# Name in lower case without blanks, to the two ANSI letters.
# fmt: off
US_STATES: Final = {
    "alabama": "al", "alaska": "ak", "arizona": "az", "arkansas": "ar", "california": "ca",
    "colorado": "co", "connecticut": "ct", "delaware": "de", "districtofcolumbia": "dc",
    "washingtondc": "dc", "florida": "fl", "georgia": "ga", "hawaii": "hi", "idaho": "id", "illinois": "il",
    "indiana": "in", "iowa": "ia", "kansas": "ks", "kentucky": "ky", "louisiana": "la", "maine": "me",
    "maryland": "md", "massachusetts": "ma", "michigan": "mi", "minnesota": "mn", "mississippi": "ms",
    "missouri": "mo", "montana": "mt", "nebraska": "ne", "nevada": "nv", "newhampshire": "nh",
    "newjersey": "nj", "newmexico": "nm", "newyork": "ny", "northcarolina": "nc", "northdakota": "nd",
    "ohio": "oh", "oklahoma": "ok", "oregon": "or", "pennsylvania": "pa", "rhodeisland": "ri",
    "southcarolina": "sc", "southdakota": "sd", "tennessee": "tn", "texas": "tx", "utah": "ut",
    "vermont": "vt", "virginia": "va", "washington": "wa", "westvirginia": "wv", "wisconsin": "wi",
    "wyoming": "wy", "puertorico": "pr", "guam": "gu", "americansamoa": "as", "usvirginislands": "vi",
    "northernmarianaislands": "mp",
}
# fmt: on
