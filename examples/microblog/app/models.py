"""People, and who follows whom."""

from hashlib import sha256

from app import app, db

followers = db.Table(
    "followers",
    db.Column("follower_id", db.Integer, db.ForeignKey("user.id"), primary_key=True),
    db.Column("followed_id", db.Integer, db.ForeignKey("user.id"), primary_key=True),
)


class User(db.Model):
    """Somebody with a page."""

    id = db.Column(db.Integer, primary_key=True)
    nickname = db.Column(db.String(64), unique=True, nullable=False)
    email = db.Column(db.String(120), unique=True, nullable=False)
    about_me = db.Column(db.String(140))
    followed = db.relationship(
        "User",
        secondary=followers,
        primaryjoin=followers.c.follower_id == id,
        secondaryjoin=followers.c.followed_id == id,
        backref=db.backref("followers", lazy="dynamic"),
        lazy="dynamic",
    )

    def avatar(self, size: int) -> str:
        """Return the address of a picture, `size` pixels wide."""
        digest = sha256(self.email.lower().encode()).hexdigest()
        return f"https://www.gravatar.com/avatar/{digest}?d=identicon&s={size}"

    def is_following(self, user: "User") -> bool:
        """Tell whether this one follows that one."""
        return self.followed.filter(followers.c.followed_id == user.id).count() > 0

    def follow(self, user: "User") -> None:
        """Follow somebody from now on."""
        if not self.is_following(user):
            self.followed.append(user)


with app.app_context():
    db.create_all()
