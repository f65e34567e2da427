"""Words the embedded world is made of: short, so that a small vocabulary holds them."""

NAMES = tuple(
    "Ada Ali Amy Ana Ben Bo Cal Cleo Dan Dee Eli Ema Eva Finn Gia Gus Hal Hugo Ida Ian Ira Ivy "
    "Jan Jay Joy Kai Kim Kit Lea Leo Liv Lou Mae Max Mia Moe Nia Noa Ned Oda Otis Pam Paz Pia "
    "Ray Rex Rob Ros Sam Sia Sol Sue Tad Tia Tom Una Uri Val Vic Wes Will Yara Zed Zoe".split()
)
OBJECTS = tuple(
    "apples bags balls beads bells books boxes caps cards coins cups dolls drums eggs figs flags "
    "forks hats jars keys kites lamps leaves masks mugs nuts pears pens pins plates plums ropes "
    "shells shirts spoons stamps stones tiles toys tubes".split()
)
COLOURS = tuple("red blue green grey pink black white brown gold plain".split())
PLACES = tuple(
    "attic bakery barn camp cellar fair farm garden harbour hall kitchen library market mill "
    "office park port school shop stable station tower yard zoo".split()
)
DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
TOPICS = tuple(
    "bread bees boats books bridges cats caves clocks clouds coffee dogs dreams fire fish fog "
    "frogs games gold grass hills honey horses ice islands kites lakes maps milk moons music "
    "nests night oceans owls paint paper rain rice rivers roads salt sand ships snow soup "
    "stars storms tea tents towns trains trees wheat winds wolves wool".split()
)
QUALITIES = tuple(
    "bright calm clean cold cosy dark deep dry fine fresh good great kind large light loud neat "
    "nice old proud quick quiet rare rich safe sharp slow small soft strong sweet warm wild "
    "wise".split()
)
KEYWORDS = tuple(
    "arrow basket bottle branch bucket button candle canvas carpet castle copper corner cotton "
    "cradle desert feather finger flower forest hammer hollow island jacket ladder lantern lemon "
    "letter marble meadow mirror morning needle number orange palace parrot pebble pepper pillow "
    "pocket powder ribbon river rocket saddle sailor shadow silver spider spring summer table "
    "temple thread ticket timber tunnel valley velvet violet wagon window winter".split()
)
